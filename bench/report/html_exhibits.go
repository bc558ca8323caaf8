package report

import (
	"fmt"
	"html/template"

	"github.com/shardmap-go/shardmap/bench/run"
)

// A dataTable has a row for each strategy.
type dataTable struct {
	Caption string
	Head    []string
	Rows    []dataRow
}

type dataRow struct {
	Name, Family string
	Cells        []dataCell
}

// A dataCell is a number as people read it, and the exact one for programs. Where there is no number, Value is empty.
type dataCell struct{ Key, Value, Text string }

func cellOf(key string, x float64, text func(float64) string) dataCell {
	c := dataCell{Key: key, Text: text(x)}
	if finite(x) {
		c.Value = number(x)
	}
	return c
}

// tableOf returns the medians of the measures.
func tableOf(caption string, strategies []run.Strategy, measures ...measure) dataTable {
	t := dataTable{Caption: caption}
	for _, m := range measures {
		t.Head = append(t.Head, m.head)
	}
	for _, s := range strategies {
		row := dataRow{Name: s.Name, Family: family(s.Name)}
		for _, m := range measures {
			row.Cells = append(row.Cells, cellOf(m.key, m.of(s).Median, m.text))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// mainExhibit shows what the strategies are ranked by.
func mainExhibit(r *run.Result, id string) exhibit {
	ranked, m, chart := rank(r), mainMeasure(r), mainBars(r)
	better, order := "more is better", "Millions of operations per second, all goroutines together"
	if r.Workload.Paced() {
		better, order = "less is better", "The latency that 99 of 100 operations do not exceed"
	}
	note := fmt.Sprintf("%s; %s. Each bar is the median of the rounds", order, better)
	if chart.band != nil {
		note += fmt.Sprintf("; the whisker is %s. The interval of the best is shaded, and %s marks the strategies whose intervals "+
			"overlap with it: they are not told apart", interval(ranked), overlapMark)
	}
	from := "lowest"
	to := "highest"
	if fewestRounds(ranked) >= run.MinRounds {
		from, to = "95 % from", "to"
	}
	t := dataTable{Caption: chart.title, Head: []string{m.head, from, to, "of best", overlapMark}}
	for i, s := range ranked {
		v := chart.bars[i].value
		mark := dataCell{Key: "overlaps"}
		if chart.bars[i].mark {
			mark.Text = overlapMark
		}
		t.Rows = append(t.Rows, dataRow{s.Name, family(s.Name), []dataCell{
			cellOf(m.key, v.Median, m.text), cellOf(m.key+"-low", v.Low, m.text), cellOf(m.key+"-high", v.High, m.text),
			cellOf("of-best", v.Median/chart.bars[0].value.Median, ratio), mark,
		}})
	}
	return exhibit{Kind: "bars", Heading: chart.title, Note: note + ".", Charts: []template.HTML{chart.inPage(id + "-main")}, Table: t}
}

// ratio writes how many times as much something is.
func ratio(x float64) string {
	if finite(x) && x < 9.995 && x >= 0.00995 {
		return fmt.Sprintf("%.2f", x)
	}
	return figure(x)
}

// rateExhibit shows how many of the operations that were to start have ended.
func rateExhibit(r *run.Result, ranked []run.Strategy, id string) exhibit {
	note := "Of the operations per second that were to start."
	if r.Workload.Rate > 0 {
		note = fmt.Sprintf("Of %s million operations per second that were to start.", figure(r.Workload.Rate/1e6))
	}
	return exhibit{
		Kind: "bars", Heading: throughput.title, Note: note,
		Charts: []template.HTML{bars(throughput, ranked).inPage(id + "-rate")}, Table: tableOf(throughput.title, ranked, throughput),
	}
}

func latencyExhibit(ranked []run.Strategy, id string) exhibit {
	var measures []measure
	for _, m := range latencyMeasures {
		measures = append(measures, m.measure)
	}
	chart := percentileCurves(ranked)
	return exhibit{
		Kind: "panels", Heading: chart.title, Charts: chart.inPage(), Table: tableOf(chart.title, ranked, measures...),
		Note: "The median of the rounds for each percentile, and the longest latency of all rounds; logarithmic, less is better. " +
			"Each panel shows one strategy, and all others in grey. – stands where there were too few operations to tell.",
	}
}

func memoryExhibit(ranked []run.Strategy, id string) exhibit {
	const note = "The map at the end of a round, without the data of keys and what values point to; and what an operation " +
		"allocates. Less is better."
	measures := []measure{bytesPerEntry, bytesPerOp, allocsPerOp}
	return severalBars("Memory", note, ranked, id, measures, measures)
}

func waitsExhibit(ranked []run.Strategy, id string) exhibit {
	measures := []measure{collections, pause, longestPause, mutexWait}
	e := severalBars("Garbage collection and locks", "Less is better.", ranked, id, measures, measures)
	if len(e.Charts) == 0 {
		e.Note = "No garbage was collected, and no lock waited for, while anything was measured."
	}
	return e
}

// severalBars shows charts beside each other, without those in which there is nothing to see, and all columns in a table.
func severalBars(heading, note string, ranked []run.Strategy, id string, charts, columns []measure) exhibit {
	e := exhibit{Kind: "several", Heading: heading, Note: note, Table: tableOf(heading, ranked, columns...)}
	for i, m := range charts {
		if chart := bars(m, ranked); !chart.flat() {
			e.Charts = append(e.Charts, chart.inPage(fmt.Sprintf("%s-%s-%d", id, fileName(heading), i+1)))
		}
	}
	return e
}

// exhibit shows the throughput at different numbers of processors.
func (s scaling) exhibit(id string) exhibit {
	chart := s.chart()
	t := dataTable{Caption: chart.title}
	for _, r := range s {
		t.Head = append(t.Head, count(r.Procs, "processor"))
	}
	t.Head = append(t.Head, "times")
	for _, name := range s.names() {
		row := dataRow{Name: name, Family: family(name)}
		summaries := s.throughputs(name)
		for i, v := range summaries {
			row.Cells = append(row.Cells, cellOf(fmt.Sprintf("mops-%d", s[i].Procs), v.Median, figure))
		}
		row.Cells = append(row.Cells, cellOf("speedup", speedup(summaries), ratio))
		t.Rows = append(t.Rows, row)
	}
	return exhibit{
		Kind: "panels", Heading: chart.title, Charts: chart.inPage(), Table: t,
		Note: "Millions of operations per second over the number of processors; how many times as many with most processors as with " +
			"fewest. Each panel shows one strategy, and all others in grey.",
	}
}
