// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine/bbb"
)

func parse(s string) (*bbb.Element, error) { return bbb.ParseXML(strings.NewReader(s), 0) }

func TestAnAnswerIsRead(t *testing.T) {
	el := func(name, text string, kids ...*bbb.Element) *bbb.Element {
		return &bbb.Element{Name: name, Text: text, Kids: kids}
	}
	for name, tc := range map[string]struct {
		in   string
		want *bbb.Element
	}{
		"nothing in it":                           {"<response/>", el("response", "")},
		"a declaration, a mark, comments":         {"\uFEFF<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<!-- a --><response ></response >\n<!--b-->\n", el("response", "")},
		"elements in their order":                 {"<response><b/><a>1</a><b>2</b></response>", el("response", "", el("b", ""), el("a", "1"), el("b", "2"))},
		"indented by a hand":                      {"<response>\n  <a> x </a>\r\n</response>", el("response", "", el("a", " x "))},
		"text beside elements":                    {"<response>x<a/>y</response>", el("response", "xy", el("a", ""))},
		"all five entities, numbers":              {"<response>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;&#x0a;</response>", el("response", "<&>\"'A😀\n")},
		"CDATA holds anything":                    {"<response><![CDATA[<a>&amp;]]]]><![CDATA[>]]></response>", el("response", "<a>&amp;]]>")},
		"a comment inside text":                   {"<response>a<!-- <x> & -->b</response>", el("response", "ab")},
		"line ends are one character":             {"<response>a\r\nb\rc&#13;</response>", el("response", "a\nb\nc\r")},
		"letters of the world":                    {"<response><größe>ключ 鍵</größe></response>", el("response", "", el("größe", "ключ 鍵"))},
		"an odd name of custom data":              {"<response><bbb_x-1.y>1</bbb_x-1.y></response>", el("response", "", el("bbb_x-1.y", "1"))},
		"an attribute with an entity and a quote": {`<response><i a="&quot;'" b='"&#9;'/></response>`, el("response", "", &bbb.Element{Name: "i", Attrs: []bbb.Attr{{Name: "a", Value: `"'`}, {Name: "b", Value: "\"\t"}}})},
		"a prefix stays":                          {`<response xmlns:x="u"><x:a/></response>`, &bbb.Element{Name: "response", Attrs: []bbb.Attr{{Name: "xmlns:x", Value: "u"}}, Kids: []*bbb.Element{el("x:a", "")}}},
		"as deep as allowed":                      {"<response>" + strings.Repeat("<a>", 31) + strings.Repeat("</a>", 31) + "</response>", deep(32)},
		"C1 controls are characters":              {"<response>\u0085\u009f\ufffd</response>", el("response", "\u0085\u009f\ufffd")},
	} {
		got, err := parse(tc.in)
		if diff := difference(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

// difference is cmp.Diff, which takes for ever on what is 32 deep, of the lines of both.
func difference(want, got *bbb.Element) string {
	var list func(e *bbb.Element, depth int) []string
	list = func(e *bbb.Element, depth int) []string {
		if e == nil {
			return nil
		}
		out := []string{fmt.Sprintf("%*s%q %q %q", depth, "", e.Name, e.Attrs, e.Text)}
		for _, k := range e.Kids {
			out = append(out, list(k, depth+1)...)
		}
		return out
	}
	return cmp.Diff(list(want, 0), list(got, 0))
}

func deep(n int) *bbb.Element {
	e := &bbb.Element{Name: "a"}
	for range n - 2 {
		e = &bbb.Element{Name: "a", Kids: []*bbb.Element{e}}
	}
	return &bbb.Element{Name: "response", Kids: []*bbb.Element{e}}
}

var bombs = map[string]string{
	"nothing":                          "",
	"white space":                      " \n",
	"text":                             "SUCCESS",
	"JSON":                             `{"response":{"returncode":"SUCCESS"}}`,
	"a page":                           "<html><body>502</body></html>",
	"another root":                     "<responses/>",
	"the root with a prefix":           "<x:response xmlns:x='u'/>",
	"two roots":                        "<response/><response/>",
	"text after the end":               "<response/>x",
	"text before the beginning":        "x<response/>",
	"an end too many":                  "<response/></response>",
	"an end alone":                     "</response>",
	"ends crossed":                     "<response><a><b></a></b></response>",
	"the end of a longer name":         "<response><a></ab></response>",
	"the end of a shorter name":        "<response><ab></a></response>",
	"no end":                           "<response><a></a>",
	"an end in other case":             "<response></RESPONSE>",
	"a document type":                  "<!DOCTYPE response><response/>",
	"a bomb of entities":               `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><response>&b;</response>`,
	"a file from outside":              `<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><response>&a;</response>`,
	"a document type inside":           "<response><!DOCTYPE a></response>",
	"an instruction":                   "<response><?php x ?></response>",
	"an instruction before":            "<?xml-stylesheet href='x'?><response/>",
	"a late declaration":               "\n<?xml version='1.0'?><response/>",
	"XML 1.1":                          "<?xml version='1.1'?><response/>",
	"another encoding":                 "<?xml version='1.0' encoding='ISO-8859-1'?><response/>",
	"a declaration of nothing":         "<?xml ?><response/>",
	"a declaration without end":        "<?xml version='1.0'",
	"an unknown entity":                "<response>&nbsp;</response>",
	"an ampersand":                     "<response>a & b</response>",
	"an ampersand at the end":          "<response>&amp</response>",
	"a reference without end":          "<response>&#00000000000000000000000065;</response>",
	"a reference to NUL":               "<response>&#0;</response>",
	"a reference to a control":         "<response>&#x1b;</response>",
	"a reference to half a character":  "<response>&#xD800;</response>",
	"a reference beyond Unicode":       "<response>&#x110000;</response>",
	"a reference with a sign":          "<response>&#+65;</response>",
	"an empty reference":               "<response>&#;</response>",
	"NUL":                              "<response>\x00</response>",
	"NUL in a name":                    "<response><a\x00/></response>",
	"a control character":              "<response>\x1b[2J</response>",
	"a control character in a comment": "<response><!-- \x01 --></response>",
	"U+FFFE":                           "<response>\ufffe</response>",
	"U+FFFF":                           "<response>\uffff</response>",
	"invalid UTF-8":                    "<response>\xff</response>",
	"half a character":                 "<response>\xc3</response>",
	"an encoded surrogate":             "<response>\xed\xa0\x80</response>",
	"UTF-16":                           "\xff\xfe<\x00r\x00",
	"]]> in text":                      "<response>]]></response>",
	"-- in a comment":                  "<response><!-- a -- b --></response>",
	"a comment without end":            "<response><!-- </response>",
	"CDATA without end":                "<response><![CDATA[</response>",
	"an attribute without quotes":      "<response a=b/>",
	"an attribute without value":       "<response a/>",
	"an attribute without end":         "<response a='b/>",
	"an attribute twice":               "<response a='1' a='2'/>",
	"attributes without blank":         "<response a='1'b='2'/>",
	"< in an attribute":                "<response a='<'/>",
	"a name that begins with a digit":  "<response><1a/></response>",
	"a blank before a name":            "<response>< a/></response>",
	"two colons":                       "<response><a:b:c/></response>",
	"a prefix of nothing":              "<response><a:/></response>",
	"33 deep":                          "<response>" + strings.Repeat("<a>", 32) + strings.Repeat("</a>", 32) + "</response>",
	"10,000 deep":                      "<response>" + strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000) + "</response>",
	"millions of elements":             "<response>" + strings.Repeat("<a/>", 600_000) + "</response>",
	"65 attributes":                    "<response " + attributes(65) + "/>",
	"17 MiB":                           "<response>" + strings.Repeat(" ", 17<<20) + "</response>",
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d='1'", i)
	}
	return b.String()
}

func TestWhatIsNoAnswerIsNotBelieved(t *testing.T) {
	for name, in := range bombs {
		if e, err := parse(in); err == nil || e != nil {
			t.Errorf("%s: read as %v, %v", name, e, err)
		}
	}
}

// people is an answer with something of everything.
const people = `<response><returncode>SUCCESS</returncode><meetings><meeting><meetingName>Rat &amp; Tat</meetingName><meetingID>coop-42</meetingID>` +
	`<internalMeetingID>587b-1</internalMeetingID><createTime>1795326876359</createTime><running>true</running><participantCount>1,234</participantCount>` +
	`<attendees><attendee><userID>u-7</userID><fullName>Adä</fullName><role>MODERATOR</role><isPresenter>true</isPresenter>` +
	`<customdata><bbb_client_title><![CDATA[H & l]]></bbb_client_title></customdata></attendee></attendees>` +
	`<metadata><tenant>north</tenant></metadata><isBreakout>false</isBreakout></meeting></meetings></response>`

func TestATruncatedAnswerIsNoAnswer(t *testing.T) {
	for i := range len(people) {
		if _, err := parse(people[:i]); err == nil {
			t.Errorf("read as complete: %s", people[:i])
		}
	}
	if _, err := parse(people); err != nil {
		t.Error(err)
	}
	if _, err := bbb.ParseXML(io.MultiReader(strings.NewReader(people), iotest.ErrReader(io.ErrUnexpectedEOF)), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a connection that breaks after the last byte: %v", err)
	}
}

func TestAnAnswerMayHaveAsManyBytesAsAllowed(t *testing.T) {
	if _, err := bbb.ParseXML(strings.NewReader(people), int64(len(people))); err != nil {
		t.Error(err)
	}
	if _, err := bbb.ParseXML(strings.NewReader(people), int64(len(people))-1); err == nil {
		t.Error("one more is read")
	}
}

// answerWith writes an answer as servers do, with the names of custom data as they were given.
func answerWith(data ...string) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;").Replace
	custom := func(data []string) string {
		var b strings.Builder
		b.WriteString("<customdata>\n")
		for i := 0; i+1 < len(data); i += 2 {
			fmt.Fprintf(&b, "<%s>%s</%[1]s>\n", escape(data[i]), escape(data[i+1]))
		}
		return b.String() + "</customdata>\n"
	}
	person := func(name string, data ...string) string {
		return "<attendee>\n<userID>" + name + "</userID>\n" + custom(data) + "</attendee>\n"
	}
	meeting := func(id string) string {
		return "<meeting>\n<meetingID>" + id + "</meetingID>\n<attendees>\n" + person(id+"-1", "good", "1") + person(id+"-2", data...) +
			person(id+"-3", "good", "3") + "</attendees>\n<metadata>\n</metadata>\n</meeting>\n"
	}
	return "<response>\n<returncode>SUCCESS</returncode>\n<meetings>\n" + meeting("a") + meeting("b") + "</meetings>\n</response>"
}

func TestCustomDataOfOnePersonDoesNotHideAServer(t *testing.T) {
	names := []string{
		"ok", "1x", "a b", "a/", "/", "", "/customdata", "customdata", "/attendee", "attendee", "/attendees", "attendees", "/meeting", "meeting", "userID", "!--", "!--x", "-->", "--",
		"![CDATA[", "]]", "x]]", "customdata ]]", "/customdata><x", "?x", "?", "!DOCTYPE x", "a='1'", "x y=z", "é", "a:b:c", "&amp;", "customdata/", "/customdata ",
	}
	values := []string{"", " ", "v", "</customdata></attendee></attendees>", "]]>", "-->"}
	for _, first := range names {
		for _, second := range names {
			for i, value := range values {
				if value == "v" && first != second { // like the empty one
					continue
				}
				text := answerWith(first, value, second, values[len(values)-1-i])
				root, err := parse(text)
				if err != nil {
					t.Errorf("%q %q: %v", first, second, err)
					continue
				}
				var found []string
				for _, k := range root.Child("meetings").Kids {
					m, err := bbb.ParseMeeting(k)
					if err != nil {
						t.Fatal(err)
					}
					for i, a := range m.Attendees {
						found = append(found, a.UserID)
						if good := k.Child("attendees").Kids[i].Child("customdata").Value("good"); i != 1 && good == "" {
							t.Errorf("%q %q: the data of others is lost", first, second)
						}
					}
				}
				if diff := cmp.Diff([]string{"a-1", "a-2", "a-3", "b-1", "b-2", "b-3"}, found); diff != "" {
					t.Errorf("%q %q %q: other people (-want +got)\n%s", first, second, value, diff)
				}
				if again, err := parse(string(root.Append(nil))); err != nil || difference(root, again) != "" {
					t.Errorf("%q %q: written wrongly: %v", first, second, err)
				}
			}
		}
	}
}

func TestCustomDataIsNoDeeperThanTheRest(t *testing.T) {
	text := strings.Replace(answerWith("1x", "v"), "<good>1</good>", "<good>1</good>"+strings.Repeat("<a>", 27)+strings.Repeat("</a>", 27), 1)
	root, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range root.Child("meetings").Kids[0].Child("attendees").Kids {
		if kids := len(a.Child("customdata").Kids); kids != i/2 { // too deep, broken, good
			t.Errorf("person %d has %d pieces of data", i+1, kids)
		}
	}
}

func TestATruncatedAnswerWithBrokenCustomDataIsNoAnswer(t *testing.T) {
	text := answerWith("1x", "v", "![CDATA[", "")
	for i := range len(text) {
		if _, err := parse(text[:i]); err == nil {
			t.Errorf("read as complete: %s", text[:i])
		}
	}
	for name, text := range map[string]string{
		"broken elsewhere":  strings.Replace(text, "<metadata>", "<metadata><1x></1x>", 1),
		"data of a meeting": "<response><customdata><1x/></customdata></response>",
		"another end":       "<response><attendee><customdata><1x/></customdata></attendee></response>",
		"many without end":  "<response>" + strings.Repeat("<attendee><customdata></customdata></attendee>x", 200_000),
	} {
		if _, err := parse(text); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func TestNamesAreThoseOfXML(t *testing.T) {
	for r := rune(0x21); r < 0x20000; r++ {
		if r == 0x3200 { // ideographs, and so on: blocks, of which some are enough
			r = 0x4E00
		}
		if r > 0x4E00 {
			r += 96
		}
		for _, name := range []string{string(r), "a" + string(r)} {
			in := "<response><" + name + "></" + name + "></response>"
			_, err := parse(in)
			_, wrong := standard(in)
			switch {
			case wrong == nil && err != nil && !strings.HasPrefix(name, ":") && name != "a:":
				t.Errorf("%+q is a name: %v", name, err)
			case err == nil && wrong != nil && r < 0x80:
				t.Errorf("%+q is no name", name)
			}
		}
	}
	for _, r := range "\u00d7\u00f7\u037e\u2000\u200b\u2190\u2bff\u2ff0\u3000\ue000\ufdd0\U000f0000" { // the gaps between what names may begin with
		if _, err := parse("<response><" + string(r) + "/></response>"); err == nil {
			t.Errorf("%+q begins a name", r)
		}
	}
	for _, r := range "Aé\u0371\u1fff\u200c\u2070\u2c00\u3001가\uf900\ufdf0\U00010000😀" {
		if _, err := parse("<response><" + string(r) + "/></response>"); err != nil {
			t.Errorf("%+q begins no name: %v", r, err)
		}
	}
}

func TestAnErrorHoldsNothingOfTheAnswer(t *testing.T) {
	for _, in := range []string{"<response><hidden></other></response>", "<response hidden='1' hidden='2'/>", "<hidden/>", "<response>&hidden;</response>"} {
		if _, err := parse(in); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", in, err)
		}
	}
}

func TestAnElementIsChangedAndWritten(t *testing.T) {
	e, err := parse(`<response><meetingID>x<leak>1</leak></meetingID><a b="1">2</a><a/><note> t </note></response>`)
	if err != nil {
		t.Fatal(err)
	}
	before := e.Clone()
	e.Set("meetingID", "coop<42>")
	e.Remove("a")
	e.Set("new", "1")
	want := `<response><meetingID>coop&lt;42&gt;</meetingID><note> t </note><new>1</new></response>`
	if got := string(e.Append([]byte("<!-- -->"))); got != "<!-- -->"+want {
		t.Errorf("%s, want %s", got, want)
	}
	if e.Value("note") != "t" || e.Value("absent") != "" || e.Child("absent").Child("deeper").Value("x") != "" {
		t.Error("values are wrong")
	}
	if got := string(before.Append(nil)); !strings.Contains(got, "<leak>1</leak>") || !strings.Contains(got, `<a b="1">2</a><a/>`) {
		t.Errorf("the copy has changed too: %s", got)
	}
	if (*bbb.Element)(nil).Clone() != nil {
		t.Error("a copy of nothing")
	}
}

func TestWhatIsWrittenIsAlwaysWellFormed(t *testing.T) {
	e := &bbb.Element{
		Name: "response", Text: "\x00a\x1b\r\n\t\xff]]>\ufffe\ufffd",
		Attrs: []bbb.Attr{{Name: "a", Value: "\"'<>&\r\n\t\x01"}, {Name: "b c", Value: "1"}, {Name: "", Value: "1"}},
		Kids:  []*bbb.Element{{Name: "x><y"}, {Name: ""}, {Name: "1"}, {Name: "a:b:c"}, {Name: ":a"}, nil, {Name: "ok", Text: "1"}},
	}
	text := string(e.Append(nil))
	got, err := parse(text)
	want := &bbb.Element{Name: "response", Text: "a\r\n\t]]>\ufffd", Attrs: []bbb.Attr{{Name: "a", Value: "\"'<>&\r\n\t"}}, Kids: []*bbb.Element{{Name: "ok", Text: "1"}}}
	if diff := difference(want, got); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
	}
}

// FuzzParseXML holds three things: what is read and written is read as the same; it is well-formed for the standard library; and
// that reads the same elements and texts.
func FuzzParseXML(f *testing.F) {
	f.Add(people)
	for _, in := range bombs {
		if len(in) < 1000 {
			f.Add(in)
		}
	}
	f.Add(answerWith("1x", "v", "![CDATA[", "]]>"))
	f.Add(`<?xml version="1.0"?><response a='&#10;"' b="'"><a>&#13;&lt;]]&gt;<!-- - --><![CDATA[]]]]>&#65;</a> x <é:b/></response>`)
	f.Fuzz(func(t *testing.T, in string) {
		e, err := parse(in)
		if err != nil {
			return
		}
		text := string(e.Append(nil))
		again, err := bbb.ParseXML(strings.NewReader(text), 100<<20)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", in, text, err)
		}
		if diff := difference(e, again); diff != "" {
			t.Fatalf("%q is written as %q (-read +read again)\n%s", in, text, diff)
		}
		ascii := strings.IndexFunc(in, func(r rune) bool { return r > 126 }) < 0 // its names are those of an older edition of XML
		std, err := standard(in)
		if err != nil && ascii && !strings.Contains(in, "<customdata") {
			t.Fatalf("%q is read, but not by the standard library: %v", in, err)
		}
		if diff := difference(std, e); err == nil && diff != "" {
			t.Fatalf("%q (-standard library +ours)\n%s", in, diff)
		}
	})
}

// standard reads with encoding/xml.
func standard(in string) (*bbb.Element, error) {
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(in, "\uFEFF")))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var open []*bbb.Element
	var root *bbb.Element
	name := func(n xml.Name) string {
		if n.Space != "" {
			return n.Space + ":" + n.Local
		}
		return n.Local
	}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &bbb.Element{Name: name(token.Name)}
			for _, a := range token.Attr {
				e.Attrs = append(e.Attrs, bbb.Attr{Name: name(a.Name), Value: a.Value})
			}
			if len(open) > 0 {
				top := open[len(open)-1]
				top.Kids = append(top.Kids, e)
			} else {
				root = e
			}
			open = append(open, e)
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1].Name != name(token.Name) {
				return nil, errors.New("an end of what has not begun") // raw tokens are not held against each other
			}
			top := open[len(open)-1]
			if len(top.Kids) > 0 && strings.Trim(top.Text, " \t\r\n") == "" {
				top.Text = ""
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].Text += string(token)
			}
		}
	}
}

// BenchmarkMeetings reads the answer of a busy server: 100 meetings with 10 people each.
func BenchmarkMeetings(b *testing.B) {
	person := `<attendee><userID>u-0123456789</userID><fullName>Ada Lovelace</fullName><role>VIEWER</role><isPresenter>false</isPresenter>` +
		`<isListeningOnly>false</isListeningOnly><hasJoinedVoice>true</hasJoinedVoice><hasVideo>false</hasVideo><clientType>HTML5</clientType><customdata></customdata></attendee>`
	meeting := `<meeting><meetingName>Spring Assembly</meetingName><meetingID>coop-42</meetingID><internalMeetingID>587b4b5328fbb31b16eddb7c20b8c6e8d4c8efd6-1795326876359</internalMeetingID>` +
		`<createTime>1795326876359</createTime><createDate>Sun Nov 22 05:54:36 UTC 2026</createDate><voiceBridge>48213</voiceBridge><dialNumber>613-555-1234</dialNumber>` +
		`<attendeePW>ap</attendeePW><moderatorPW>mp</moderatorPW><running>true</running><duration>60</duration><hasUserJoined>true</hasUserJoined><recording>false</recording>` +
		`<hasBeenForciblyEnded>false</hasBeenForciblyEnded><startTime>1795326876400</startTime><endTime>0</endTime><participantCount>10</participantCount><listenerCount>0</listenerCount>` +
		`<voiceParticipantCount>10</voiceParticipantCount><videoCount>0</videoCount><maxUsers>0</maxUsers><moderatorCount>0</moderatorCount><attendees>` + strings.Repeat(person, 10) +
		`</attendees><metadata><tenant>north</tenant></metadata><isBreakout>false</isBreakout></meeting>`
	text := `<response><returncode>SUCCESS</returncode><meetings>` + strings.Repeat(meeting, 100) + `</meetings></response>`
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := parse(text)
		if err != nil {
			b.Fatal(err)
		}
		for _, k := range e.Child("meetings").Kids {
			if m, err := bbb.ParseMeeting(k); err != nil || len(m.Attendees) != 10 {
				b.Fatal(m, err)
			}
		}
	}
}
