// Package cells measures maps one operation at a time: a table with a cell for each operation, kind of keys, kind of values,
// number of entries and number of processors, and in each cell the time of every strategy.
//
// That is another question than a workload's, which mixes operations and has latencies. Here nothing but the operation is in the
// loop – no drawing of keys, no clock – so that maps differ by as much as they can; but nobody's program does only that.
//
//   - Strategies take turns, round by round, in an order that is drawn anew each time; a round of a cell takes each of them for some
//     milliseconds. The median of the rounds is reported, with the interval in which the true one is with a probability of 95 % (from six
//     rounds on): that of these maps in this process. Another seed of a hash function, or layout of memory, may differ by more.
//   - Keys are visited in random order, and are never the same strings as those in the map. A store never stores again what the same
//     goroutine stored before. Maps are filled in the same order for all.
//   - After the rounds of an operation, each map is compared with what it has to hold. One that is wrong has no times in those
//     cells, and it is said why.
//   - The cells of one kind of keys, values and size share nothing but the keys: maps are made anew for each cell.
package cells
