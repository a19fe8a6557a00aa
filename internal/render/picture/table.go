package picture

// column is the head of a column: its name, and how its cells look ("n" for numbers, "long" for
// sentences, "" else).
type column struct {
	name string
	look markup
}

// table is a table that is being written, cell by cell.
type table struct {
	p       *page
	columns []column
	next    int
	open    bool
}

// table begins a table; its name is for those who do not see it.
func (p *page) table(name string, columns ...column) *table {
	p.raw(`<div class="scroll"><table>`)
	p.leaf("caption", name)
	p.raw(`<thead><tr>`)
	for _, c := range columns {
		p.leaf("th", c.name, attr{"scope", "col"}, class(c.look))
	}
	p.raw("</tr></thead><tbody>\n")
	return &table{p: p, columns: columns}
}

func (t *table) row() {
	t.finish()
	t.p.raw("<tr>")
	t.next, t.open = 0, true
}

func (t *table) finish() {
	if t.open {
		t.p.raw("</tr>\n")
	}
	t.open = false
}

// cell writes the next cell; the first of a row is its head. Where a table is too wide for a screen its
// cells stand below each other, each with the name of its column.
func (t *table) cell(content func()) {
	c := t.columns[t.next]
	tag := markup("td")
	attrs := []attr{{"data-name", c.name}}
	if t.next == 0 {
		tag, attrs = "th", append(attrs, attr{"scope", "row"})
	}
	if c.look != "" {
		attrs = append(attrs, class(c.look))
	}
	t.next++
	t.p.open(tag, attrs...)
	content()
	t.p.end(tag)
}

func (t *table) text(s string) { t.cell(func() { t.p.text(s) }) }

func (t *table) code(s string) { t.cell(func() { t.p.leaf("code", s) }) }

func (t *table) end() {
	t.finish()
	t.p.raw("</tbody></table></div>\n")
}

// section begins a part of the report below the timeline.
func (p *page) section(title, aside string) {
	p.raw(`<section class="part">`)
	p.open(p.sub, class("sub"))
	p.text(title)
	if aside != "" {
		p.raw(` `)
		p.leaf("span", aside, class("count"))
	}
	p.end(p.sub)
}
