// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "net/http"

// componentsPage shows every component in its states, for those who build pages. Only --dev serves it, so its words are not translated.
type componentsPage struct {
	Page
	Buttons   []Button
	Fields    []Field
	Options   Select
	Radios    Choices
	Boxes     Choices
	Switches  []Switch
	Paste     PasteBox
	Copies    []CopyField
	Errors    FormErrors
	Attention []Attention
	Rooms     []sampleCard
	People    Table
	Tabs      Tabs
	Pager     Pager
	Filter    Filter
	Bulk      BulkBar
	Dialog    Dialog
	Menu      Menu
	Badges    []Badge
	Seats     []SeatRow
	Meters    []Meter
	Notices   []Notice
	Stepper   Stepper
	Timeline  Stepper
	Empty     Empty
	Refusal   Refusal
	Chart     Chart
	Icons     []string
}

type sampleCard struct {
	Title, Text string
	Badge       Badge
	Action      Button
	Menu        Menu
}

func (h *Handler) componentsShow(w http.ResponseWriter, r *Request) error {
	page := sampleComponents()
	page.Page = h.page(r, "", "Components")
	page.Lead = "Every part of a page, once, in each of its states. What is not here is not used."
	page.Robots = false
	if r.URL.Query().Get("shell") == "app" {
		sampleShell(&page.Page)
	}
	return h.render(w, r, http.StatusOK, "components_show", page)
}

// sampleShell dresses a page as one of a signed-in person.
func sampleShell(p *Page) {
	p.Layout, p.Person, p.HatName = LayoutApp, "Alba Serra", "Hilado workers’ cooperative"
	p.Hats = []HatLink{{"Hilado workers’ cooperative", "Owner", "/m/hilado/usage", true}, {"Neighbours of the Long Street", "Member", "/m/long-street/usage", false}}
	rooms := NavLink{"Rooms", "/rooms", "door-open", true}
	usage := NavLink{"Usage", "/m/hilado/usage", "gauge", false}
	levels := NavLink{"Service levels", "/levels", "layout-grid", false}
	account := NavLink{"Account", "/account", "user", false}
	p.Nav = []NavGroup{{Links: []NavLink{rooms}}, {Title: "Organisation", Links: []NavLink{usage}}, {Links: []NavLink{levels, account}}}
	p.Bar = []NavLink{rooms, usage, levels, account}
	p.Trail = []Link{{"Rooms", "/rooms"}}
	p.LiveFrom = ""
	p.Live = &LiveBar{Text: "Weekly round is live, 6 people", Action: Button{Kind: ButtonPlain, Small: true, Label: "Join", Href: "/r/amber-oak-42"}, More: &Link{"and 1 more", "/rooms"}}
	p.Banners = []Notice{{Kind: NoticeWarn, Title: "In grace until 15 January.", Text: "Recording stops then; rooms and people stay.", Link: Link{"See what changes", "/m/hilado"}}}
	p.Done = &Notice{Kind: NoticeOK, Text: "Room created.", Action: &Button{Kind: ButtonQuiet, Small: true, Icon: "undo-2", Label: "Undo", Post: "/rooms/undo"}}
}

func sampleComponents() componentsPage {
	menu := func(of string) Menu {
		return Menu{ID: "menu-" + of, Label: "More for " + of, Items: []Button{
			{Kind: ButtonQuiet, Icon: "settings", Label: "Settings", Href: "/r/amber-oak-42"},
			{Kind: ButtonDanger, Icon: "archive", Label: "Archive", Post: "/r/amber-oak-42/archive"},
		}}
	}
	return componentsPage{
		Buttons: []Button{
			{Kind: ButtonPrimary, Icon: "plus", Label: "New room"},
			{Kind: ButtonPlain, Label: "Share"},
			{Kind: ButtonQuiet, Icon: "pencil", Label: "Rename"},
			{Kind: ButtonDanger, Icon: "trash-2", Label: "Remove"},
			{Kind: ButtonPrimary, Small: true, Label: "Join"},
			{Kind: ButtonPlain, Small: true, Icon: "copy", Label: "Copy"},
			{Kind: ButtonPrimary, Label: "Start meeting", Reason: "Two meetings are running already."},
		},
		Fields: []Field{
			{Name: "name", Label: "Your name", Hint: "As others in the meeting will see it.", Autocomplete: "name", Value: "Alba Serra"},
			{Name: "email", Label: "E-mail address", Type: "email", Autocomplete: "email", Value: "alba@", Error: "Write the whole address, like name@example.org."},
			{Name: "organisation", Label: "Organisation", Optional: true, Placeholder: "Neighbours of the Long Street"},
			{Name: "slug", Label: "Short link", Value: "amber-oak-42", ReadOnly: true},
			{Name: "zone", Label: "Time zone", Value: "Europe/Madrid", Suggestions: []string{"Europe/London", "Europe/Madrid", "Europe/Stockholm"}},
			{Name: "note", Label: "Why do you need more seats?", Rows: 3, Optional: true, Hint: "Goes to the cooperative that looks after you."},
		},
		Options: Select{Name: "start", Label: "Who may start", Options: []Choice{{Value: "hosts", Label: "Hosts only"}, {Value: "signed_in", Label: "Anyone signed in", Chosen: true}, {Value: "anyone", Label: "Anyone with the link"}}},
		Radios: Choices{Name: "who", Legend: "Who may enter", Options: []Choice{
			{Value: "anyone", Label: "Anyone with the link", Hint: "Guests type a name and enter.", Chosen: true}, {Value: "people", Label: "People of Hilado"}, {Value: "invited", Label: "Invited people only", Disabled: true, Hint: "Nobody is invited yet."}}},
		Boxes: Choices{Name: "locks", Legend: "On entry", Many: true, Error: "Leave at least one way to speak.", Options: []Choice{
			{Value: "muted", Label: "Microphones are muted", Chosen: true}, {Value: "cameras", Label: "Cameras are off"}}},
		Switches: []Switch{{Name: "waiting", Label: "Waiting room", Hint: "A moderator lets each guest in.", On: true}, {Name: "code", Label: "Access code"}},
		Paste: PasteBox{Name: "people", Label: "Who shall be invited?", Hint: "Lines, commas, “Name <address>” or a CSV file.", Value: "Pau <pau@example.org>\nnuria@example.org",
			FileName: "file", FileLabel: "or a file", Understood: "2 addresses understood"},
		Copies: []CopyField{{ID: "link", Label: "Link to this room", Value: "https://meet.example/r/amber-oak-42"},
			{ID: "secret", Label: "Secret", Hint: "Shown only now. Afterwards you see its last four characters.", Value: "k3Yd-9fQz-77Tm-0aXe", Secret: true}},
		Errors: FormErrors{Heading: "2 things to correct", Items: []Link{{"Write the whole address, like name@example.org.", "#f-email"}, {"Leave at least one way to speak.", "#f-locks"}}},
		Attention: []Attention{{ID: "attention-1", Title: "Pau asks to host", Reason: "Pau wants to open rooms for Hilado.", Effect: "Approving uses 5 of 5 hosts.",
			Actions: []Button{{Kind: ButtonPlain, Small: true, Label: "Approve", Post: "/approve", Describe: "Approve Pau"}, {Kind: ButtonQuiet, Small: true, Label: "Decline", Post: "/decline", Describe: "Decline Pau"}}}},
		Rooms: []sampleCard{
			{"Weekly round", "6 people inside since 18:02", Badge{Kind: NoticeOK, Text: "Live", Live: true}, Button{Kind: ButtonPlain, Small: true, Label: "Join", Describe: "Join Weekly round", Href: "/r/a"}, menu("Weekly round")},
			{"Assembly preparation of the whole federation", "Last met on Tuesday 12 January, 54 min, 9 people", Badge{Icon: "clock", Text: "Quiet"}, Button{Kind: ButtonPlain, Small: true, Label: "Start", Describe: "Start Assembly preparation", Href: "/r/b"}, menu("Assembly preparation")},
			{"Old hall", "Asleep since 1 January, because the contribution ended", Badge{Kind: NoticeWarn, Icon: "circle-pause", Text: "Asleep"}, Button{Kind: ButtonQuiet, Small: true, Label: "Why?", Describe: "Why is Old hall asleep?", Href: "/r/c"}, menu("Old hall")},
		},
		People: Table{ID: "people", Caption: "People of Hilado", Columns: []Column{
			{Label: "Name", Sort: "?sort=-name", Direction: "ascending"}, {Label: "Role", Sort: "?sort=role"}, {Label: "Rooms", Number: true}, {Label: "State"}, {Label: "Acts", Hidden: true}},
			Rows: [][]Cell{
				{{Text: "Alba Serra", Sub: "alba@example.org", Href: "/p/alba"}, {Text: "Owner"}, {Text: "3"}, {Badge: &Badge{Kind: NoticeOK, Icon: "circle-check", Text: "Active"}}, {Buttons: []Button{{Kind: ButtonQuiet, Small: true, Label: "Edit", Describe: "Edit Alba Serra", Href: "/p/alba/edit"}}}},
				{{Text: "Bodil Almqvist-Wennerström", Sub: "bodil@example.org", Href: "/p/bodil"}, {Text: "Member"}, {Text: "0"}, {Badge: &Badge{Kind: NoticeInfo, Icon: "mail", Text: "Invited"}}, {Buttons: []Button{{Kind: ButtonQuiet, Small: true, Label: "Edit", Describe: "Edit Bodil Almqvist-Wennerström", Href: "/p/bodil/edit"}}}},
				{{Text: "Casimir Oduya", Sub: "casimir@example.org", Href: "/p/casimir"}, {Text: "Host"}, {Text: "12"}, {Badge: &Badge{Kind: NoticeBad, Icon: "circle-alert", Text: "Suspended"}}, {Buttons: []Button{{Kind: ButtonQuiet, Small: true, Label: "Edit", Describe: "Edit Casimir Oduya", Href: "/p/casimir/edit"}}}},
			}},
		Tabs:   Tabs{Label: "Period", Links: []NavLink{{Label: "Now", Href: "?period=now", Current: true}, {Label: "30 days", Href: "?period=month"}, {Label: "Year", Href: "?period=year"}}},
		Pager:  Pager{Label: "Pages", Text: "26 to 50 of 212", Previous: Link{"Previous", "?page=1"}, Next: Link{"Next", "?page=3"}},
		Filter: Filter{Action: "/dev/components", Search: Field{Name: "q", Label: "Search people", Type: "search", Optional: false, Value: ""}, Submit: "Search", Reset: Link{"Show all", "/dev/components"}},
		Bulk:   BulkBar{Text: "3 of 212 selected", All: Link{"All 212", "?select=all"}, Actions: []Button{{Kind: ButtonPlain, Small: true, Label: "Change role"}, {Kind: ButtonDanger, Small: true, Label: "Remove"}}},
		Dialog: Dialog{ID: "end", Title: "End Weekly round for everybody?", Text: "Six people are inside.", Effects: []string{"All six leave at once.", "Chat stays readable for 24 hours."}, Post: "/end", Cancel: "Keep it running",
			Typed: &Field{Name: "typed", Label: "Write “Weekly round” to confirm"}, Confirm: Button{Kind: ButtonDanger, Label: "End for all"}, Open: Button{Kind: ButtonDanger, Icon: "phone-off", Label: "End for all", Href: "/end"}},
		Menu: menu("this page"),
		Badges: []Badge{{Kind: NoticeOK, Text: "Live", Live: true}, {Kind: NoticeOK, Icon: "circle-check", Text: "Host"}, {Kind: NoticeInfo, Icon: "clock", Text: "Pending"}, {Kind: NoticeWarn, Icon: "hourglass", Text: "Grace"},
			{Kind: NoticeBad, Icon: "circle-alert", Text: "Arrears"}, {Icon: "circle-pause", Text: "Free"}},
		Seats: []SeatRow{
			newSeatRow(SeatsInput{Used: 16, Held: 2, Limit: 20, Sentence: "16 of 20 people online, 2 joining", Hint: "At 20, new people wait; whoever is in stays."}),
			newSeatRow(SeatsInput{Used: 5, Reserved: 12, Limit: 50, Sentence: "5 of 50 people online, 12 seats reserved for the assembly"}),
			newSeatRow(SeatsInput{Used: 5, Limit: 5, Sentence: "5 of 5 people online"}),
			newSeatRow(SeatsInput{Used: 71, Held: 3, Reserved: 10, Limit: 100, Sentence: "71 of 100 people online, 3 joining, 10 reserved"}),
			newSeatRow(SeatsInput{Used: 31, Limit: -1, Sentence: "31 people online, no limit"}),
		},
		Meters: []Meter{newMeter("Rooms", "2 of 5", "", 2, 5), newMeter("Hosts", "4 of 5", "One more may host.", 4, 5), newMeter("Running rooms", "2 of 2", "A third start is refused.", 2, 2), newMeter("Connections", "3, no limit", "", 3, -1)},
		Notices: []Notice{
			{Kind: NoticeInfo, Text: "This meeting may be recorded by the host."},
			{Kind: NoticeOK, Text: "3 invitations sent.", Action: &Button{Kind: ButtonQuiet, Small: true, Icon: "undo-2", Label: "Undo", Post: "/undo"}},
			{Kind: NoticeWarn, Title: "10 minutes left.", Text: "The meeting ends at 20:00, the limit of Level 2.", Link: Link{"More time", "/levels"}},
			{Kind: NoticeBad, Title: "The engine does not answer.", Text: "We try again every few seconds; your seat is kept."},
		},
		Stepper:  Stepper{Label: "First steps", Steps: []Step{{State: "past", Title: "Sign up"}, {State: "now", Title: "Open your room"}, {State: "coming", Title: "Invite people"}}},
		Timeline: Stepper{Label: "History", Steps: []Step{{State: "past", Title: "Level 2 from Level 1", When: "Friday 1 January 2027", Text: "Decided by Alba Serra"}, {State: "now", Title: "In grace", When: "since Tuesday 12 January 2027"}, {State: "coming", Title: "Recording stops", When: "Friday 15 January 2027"}}},
		Empty:    Empty{Icon: "door-open", Text: "No room yet. A room is a place with a link that stays.", Action: &Button{Kind: ButtonPrimary, Icon: "plus", Label: "New room"}, Link: Link{"How rooms work", "/levels"}},
		Refusal: Refusal{
			Seats:  ptr(newSeatRow(SeatsInput{Used: 20, Limit: 20, Sentence: "20 of 20 people online"})),
			Reason: "Two meetings are running. You would be the 21st person.",
			Offers: []Offer{{Button{Kind: ButtonPlain, Icon: "hourglass", Label: "Wait for a seat", Post: "/wait"}, "You enter by yourself; 1 person is before you."}, {Button{Kind: ButtonPlain, Icon: "hand", Label: "Tell the host", Post: "/tell"}, "Sends “someone is waiting outside”."}},
			Foot:   []string{"Other ways: join later; the meeting ends by 20:00."},
			Trace:  Trace{"admission.seats_full", "01J8ZQ", "18:42 CET"},
		},
		Chart: newBarChart(BarChartInput{
			ID: "peaks", Title: "Peak seats, 14 days", Finding: "The limit of 20 was reached on one day, when three people were refused.", Limit: 20, LimitText: "limit 20", Caption: "Peak seats by day", Head: "Day", Unit: "Seats", MarkUnit: "Refused", TableText: "Show as table",
			Bars: []Bar{{"1 Jan", 4, 0}, {"2 Jan", 0, 0}, {"3 Jan", 3, 0}, {"4 Jan", 12, 0}, {"5 Jan", 15, 0}, {"6 Jan", 9, 0}, {"7 Jan", 18, 0}, {"8 Jan", 20, 3}, {"9 Jan", 6, 0}, {"10 Jan", 0, 0}, {"11 Jan", 11, 0}, {"12 Jan", 16, 0}, {"13 Jan", 13, 0}, {"14 Jan", 8, 0}},
		}),
		Icons: []string{"archive", "archive-restore", "arrow-left", "arrow-right", "building-2", "calendar", "chart-column", "check", "chevron-down", "circle-alert", "circle-check", "circle-pause", "clock", "copy", "crown", "door-closed", "door-open",
			"download", "ellipsis", "external-link", "gauge", "hand", "headphones", "hourglass", "house", "inbox", "info", "key-round", "link", "lock", "lock-open", "log-in", "log-out", "mail", "mic", "mic-off", "pencil", "plus", "refresh-cw",
			"search", "settings", "share-2", "sun", "moon", "trash-2", "triangle-alert", "undo-2", "user", "user-plus", "users", "video", "video-off", "volume-2", "x"},
	}
}

func ptr[T any](v T) *T { return &v }
