package server

import (
	"strconv"

	"latchkey/storage"
)

// The size of a chart in its own units; a page scales it to its width.
const (
	chartWidth  = 720
	chartHeight = 160
	chartBase   = 140 // where the bars stand
	partWidth   = 100
)

// barChart is a chart of days, drawn without a script, with the same numbers
// as a table for whoever does not see it.
type barChart struct {
	Title  string
	Says   string // the chart in a sentence
	Bars   []bar
	Width  int
	Height int
	Base   int
	Most   string
	Any    bool
}

// bar is a day. Of its height the lower part was answered well.
type bar struct {
	X, Y, Wide, Tall int
	BadY, BadTall    int
	Middle           int
	Mark             string // below the bar, for some of them
	Day              string
	Count, Failed    int64
}

// barPart is a bar in a table's cell.
type barPart struct{ Wide, Bad int }

// partOf is how much of a cell's bar n fills, and of that how much is bad.
func partOf(n, bad, most int64) barPart {
	if most == 0 {
		return barPart{}
	}
	out := barPart{Wide: int(n * partWidth / most), Bad: int(bad * partWidth / most)}
	if n > 0 {
		out.Wide = max(out.Wide, 1)
	}
	return out
}

// dayChart draws how much something was used on each day.
func dayChart(title string, days []storage.DayUse) barChart {
	out := barChart{Title: title, Width: chartWidth, Height: chartHeight, Base: chartBase}
	var most, all, failed int64
	for _, d := range days {
		most, all, failed = max(most, d.Count), all+d.Count, failed+d.Failed
	}
	out.Any, out.Most = all > 0, strconv.FormatInt(most, 10)
	out.Says = strconv.FormatInt(all, 10) + " requests in " + count(len(days), "day") + ", of which " + strconv.FormatInt(failed, 10) + " were refused or failed; at most " + out.Most + " in one day."
	if len(days) == 0 || most == 0 {
		return out
	}
	each := chartWidth / len(days)
	for i, d := range days {
		b := bar{X: i*each + each/8, Wide: max(each-each/4, 1), Day: d.Day.UTC().Format("2 Jan 2006"), Count: d.Count, Failed: d.Failed, Middle: i*each + each/2}
		b.Tall = int(d.Count * (chartBase - 10) / most)
		if d.Count > 0 {
			b.Tall = max(b.Tall, 2)
		}
		b.Y = chartBase - b.Tall
		b.BadTall = int(d.Failed * (chartBase - 10) / most)
		if d.Failed > 0 {
			b.BadTall = max(b.BadTall, 2)
		}
		b.BadY = b.Y
		if every := max(len(days)/6, 1); i%every == 0 && b.Middle > 20 && b.Middle < chartWidth-20 {
			b.Mark = d.Day.UTC().Format("2 Jan")
		}
		out.Bars = append(out.Bars, b)
	}
	return out
}
