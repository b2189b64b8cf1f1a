// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

// The structs below are the parameters of the templates in components/, one template per struct, same name in lower
// case: {{template "field" .Email}}. Every text in them is already translated. See /dev/components for how each looks.

// ButtonKind is the weight of a button. A page has one primary button at most.
type ButtonKind string

const (
	ButtonPrimary ButtonKind = "primary"
	ButtonPlain   ButtonKind = "plain"
	ButtonQuiet   ButtonKind = "quiet"
	ButtonDanger  ButtonKind = "danger"
)

// Button leads somewhere (Href), posts to Post in a form of its own, or submits the form it stands in.
// Reason disables it and stands beside it; a button is never disabled without one.
type Button struct {
	Kind        ButtonKind // empty: plain
	Label       string
	Icon        string // may be empty
	Href        string
	Post        string
	Name, Value string // sent when pressed
	Reason      string
	Describe    string // longer name for screen readers, where the label repeats in a list ("Start Weekly round")
	Small       bool
}

// Class is the button's kind and size as classes of the style sheet.
func (b Button) Class() string {
	kind := b.Kind
	if kind == "" {
		kind = ButtonPlain
	}
	if b.Small {
		return string(kind) + " small"
	}
	return string(kind)
}

// Choice is one option of a select, of a group of radios or boxes, or of the language and theme forms.
type Choice struct {
	Value, Label, Hint string
	Lang               string // language of the label when it differs from the page's
	Icon               string
	Chosen             bool
	Disabled           bool
}

// Field is one line (or Rows lines) of text with its label above, hint and error below.
type Field struct {
	Name         string
	ID           string // empty: "f-" + Name; give one where a page has two fields of one name
	Label        string
	Hint         string
	Error        string // what to write instead
	Value        string // never a secret
	Type         string // empty: "text"
	Autocomplete string // empty: "off"
	InputMode    string
	Pattern      string
	Placeholder  string // an example, never the label
	MaxLength    int    // in UTF-16 units, 0: none
	Rows         int    // over 1: a textarea
	Optional     bool   // said beside the label; all others are required
	Unsaid       bool   // of an Optional one: not said, as in a search
	ReadOnly     bool
	Autofocus    bool
	Suggestions  []string // a list to choose from while typing: more than 15 options
}

// Ref is the id of the control.
func (f Field) Ref() string { return ref(f.ID, f.Name) }

// Described lists the ids of what explains the control.
func (f Field) Described() string { return described(f.Ref(), f.Hint, f.Error) }

func ref(id, name string) string {
	if id != "" {
		return id
	}
	return "f-" + name
}

func described(ref, hint, mistake string) string {
	switch {
	case hint != "" && mistake != "":
		return ref + "-hint " + ref + "-error"
	case hint != "":
		return ref + "-hint"
	case mistake != "":
		return ref + "-error"
	default:
		return ""
	}
}

// Select is a choice of one out of 2 to 15; more options are a Field with Suggestions.
type Select struct {
	Name, ID, Label, Hint, Error string
	Options                      []Choice
}

// Ref is the id of the control.
func (x Select) Ref() string { return ref(x.ID, x.Name) }

// Described lists the ids of what explains the control.
func (x Select) Described() string { return described(x.Ref(), x.Hint, x.Error) }

// Choices is a group of radio buttons, or of boxes when Many is set.
type Choices struct {
	Name, ID, Legend, Hint, Error string
	Many                          bool
	Options                       []Choice
}

// Ref is the id of the control.
func (x Choices) Ref() string { return ref(x.ID, x.Name) }

// Described lists the ids of what explains the control.
func (x Choices) Described() string { return described(x.Ref(), x.Hint, x.Error) }

// Switch is a box that is on or off once the form is saved. It sends Name=on.
type Switch struct {
	Name, ID, Label, Hint string
	On                    bool
}

// Ref is the id of the control.
func (x Switch) Ref() string { return ref(x.ID, x.Name) }

// Described lists the ids of what explains the control.
func (x Switch) Described() string { return described(x.Ref(), x.Hint, "") }

// PasteBox takes many lines at once, pasted or from a file. Understood says what the last check made of it.
type PasteBox struct {
	Name, ID, Label, Hint, Error, Value string
	FileName, FileLabel                 string
	Understood                          string
}

// Ref is the id of the control.
func (x PasteBox) Ref() string { return ref(x.ID, x.Name) }

// Described lists the ids of what explains the control.
func (x PasteBox) Described() string { return described(x.Ref(), x.Hint, x.Error) }

// FileField takes one file. Its form is multipart/form-data.
type FileField struct {
	Name, ID, Label, Hint, Error string
	Accept                       string // endings and types
}

// Ref is the id of the control.
func (x FileField) Ref() string { return ref(x.ID, x.Name) }

// Described lists the ids of what explains the control.
func (x FileField) Described() string { return described(x.Ref(), x.Hint, x.Error) }

// CopyField shows a text to be copied. Secret texts are shown once, with what that means in the hint.
type CopyField struct {
	ID, Label, Hint, Value string
	Secret                 bool
}

// FormErrors is the focused summary above a form that was refused: "2 things to correct".
type FormErrors struct {
	Heading string
	Items   []Link // text of the error, "#f-name"
}

// Any reports whether there is something to correct.
func (e FormErrors) Any() bool { return len(e.Items) > 0 }

// NoticeKind colours a notice; each has its icon and its word too.
type NoticeKind string

const (
	NoticeInfo NoticeKind = "info"
	NoticeOK   NoticeKind = "ok"
	NoticeWarn NoticeKind = "warn"
	NoticeBad  NoticeKind = "bad"
)

// Icon is the drawing of the kind.
func (k NoticeKind) Icon() string {
	switch k {
	case NoticeOK:
		return "circle-check"
	case NoticeWarn:
		return "triangle-alert"
	case NoticeBad:
		return "circle-alert"
	default:
		return "info"
	}
}

// Notice is a sentence that stays until it no longer holds, with at most one link and one button (Undo).
// The same struct makes a banner across the page.
type Notice struct {
	Kind   NoticeKind
	Title  string // may be empty
	Text   string
	Link   Link
	Action *Button
}

// Attention is a card about something that waits for the reader: why, what happens, two buttons.
type Attention struct {
	ID      string
	Title   string
	Reason  string
	Effect  string
	Actions []Button
}

// Badge is a state in one word, with icon and colour. Kind "" is neutral. Live is that of a running meeting: a breathing dot.
type Badge struct {
	Kind NoticeKind
	Icon string
	Text string
	Live bool
}

// Tabs are pages beside each other, each with its own URL.
type Tabs struct {
	Label string
	Links []NavLink
}

// Pager leads through a long list. Previous and Next may be empty.
type Pager struct {
	Label          string // "Pages"
	Text           string // "26 to 50 of 212"
	Previous, Next Link
	Sizes          []NavLink // how many a page; may be empty
}

// Column is one head of a table. Sort makes it a link; Direction is "ascending", "descending" or "".
type Column struct {
	Label     string
	Sort      string
	Direction string
	Number    bool // right-aligned, tabular figures
	Hidden    bool // head for screen readers only (a column of buttons)
}

// Cell is one value of a row. Below 720 px it stands beside its column's label.
type Cell struct {
	Text    string
	Href    string // makes the text a link; one per row
	Sub     string // a second, quieter line
	Number  bool
	Badge   *Badge
	Buttons []Button
	Pick    *Pick // alone in its cell
}

// Pick is a box that chooses a row for the form named Form, which stands elsewhere: forms of single rows stand in the table.
type Pick struct {
	ID, Form, Name, Value string
	Label                 string // "Choose Weekly round", for screen readers
	Chosen                bool
}

// Table is a list with heads. Caption names it; it is shown unless CaptionHidden.
type Table struct {
	ID            string
	Caption       string
	CaptionHidden bool
	Columns       []Column
	Rows          [][]Cell
}

// Dialog is a question on top of the page, opened by a button of its own. Without scripts the button is a link to Href, a page
// that asks the same.
type Dialog struct {
	ID      string
	Title   string
	Text    string
	Effects []string // what will happen, one per line
	Post    string   // where the answer goes
	Typed   *Field   // the name to type for what cannot be undone
	Confirm Button
	Cancel  string
	Open    Button // the opener; its Href is the page without scripts
}

// Menu is a list of acts behind one button.
type Menu struct {
	ID    string
	Label string // for screen readers: "More for Weekly round"
	Items []Button
}

// Step is one stop of a stepper or a time line. State is "past", "now" or "coming".
type Step struct {
	State string
	Title string
	When  string // date in full; may be empty
	Text  string
}

// Stepper shows how far a task is. Timeline is the same from top to bottom, with dates.
type Stepper struct {
	Label string
	Steps []Step
}

// Empty stands where a list would: one sentence, one button, one link.
type Empty struct {
	Icon   string
	Text   string
	Action *Button
	Link   Link
}

// Filter is the search above a long list; it changes the URL and nothing else.
type Filter struct {
	Action  string
	Search  Field
	Selects []Select
	Keep    []Choice // what else the address says: Label is the name of a parameter
	Submit  string
	Reset   Link
}

// BulkBar acts on the chosen rows of a table. It stands in the form that their boxes name.
type BulkBar struct {
	ID      string // of Text; empty: none
	Text    string // "3 of 212 selected"
	Count   string // what a script writes in place of Text, with {n} and {all}: "Selected: {n} of {all}"; empty: Text stays
	All     Link   // "Select all 212"
	Act     *Select
	Actions []Button
}

// Trace is the last line of a refusal: code, request, time.
type Trace struct{ Code, Request, At string }

// Refusal explains why somebody does not get in or something was not done: the reason, the figures, the ways on.
type Refusal struct {
	Seats   *SeatRow
	Reason  string
	Offers  []Offer // the first is the primary one
	Foot    []string
	Trace   Trace
	Notices []Notice
}

// Offer is one way on: a button and what it does.
type Offer struct {
	Button Button
	Effect string
}
