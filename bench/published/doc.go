// Package published redoes measurements of maps that others have published, on the machine at hand, with this
// project's maps beside those that were compared.
//
// A [Scenario] is one such publication: its figures, and the program that measures the same. [Scenario.Run] measures
// all contestants in interleaved rounds, and gives for each claim – this one is better than that one, by so much – a
// [Verdict]: whether the direction holds, and whether the size does, within a factor of [SizeFactor]. Where the
// intervals of the two overlap, they are not told apart.
//
// A measurement counts only if the map has done its work right: each scenario compares what is in the map with what
// must be, and refuses the contestant otherwise.
//
// What was published are mostly figures without their programs. Scenarios are what we understand to be meant, and say
// what they do, and what speaks against the figures. A claim that does not hold here may well hold on the machine,
// and with the version of Go, that it was published for.
package published
