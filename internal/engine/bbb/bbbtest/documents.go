// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Document is one presentation that reached a meeting.
type Document struct {
	URL, Name             string // one of them; Name may come with URL as its file name
	Content               []byte // of a document given in the body
	Current               bool
	Downloadable          bool
	Removable             bool
	Module                string // presentation, or what else came in the body, with Content as it was
	InsertedAfterCreation bool
}

// modules is the body of create and insertDocument.
type modules struct {
	XMLName xml.Name `xml:"modules"`
	Modules []struct {
		Name      string `xml:"name,attr"`
		Text      string `xml:",chardata"`
		Documents []struct {
			URL          string `xml:"url,attr"`
			Filename     string `xml:"filename,attr"`
			Name         string `xml:"name,attr"`
			Current      string `xml:"current,attr"`
			Downloadable string `xml:"downloadable,attr"`
			Removable    string `xml:"removable,attr"`
			Text         string `xml:",chardata"`
		} `xml:"document"`
	} `xml:"module"`
}

// parseModules reads such a body. Documents without url and name are skipped, the first current one comes first.
func parseModules(body []byte) (list []Document, presentation bool, err error) {
	var in modules
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	for _, m := range in.Modules {
		if m.Name != "presentation" {
			list = append(list, Document{Module: m.Name, Content: []byte(m.Text)})
			continue
		}
		presentation = true
		var slides []Document
		for _, d := range m.Documents {
			doc := Document{
				Module: m.Name, URL: d.URL, Name: d.Name, Current: strings.EqualFold(d.Current, "true"), Downloadable: strings.EqualFold(d.Downloadable, "true"),
				Removable: !strings.EqualFold(d.Removable, "false"),
			}
			switch {
			case d.URL != "":
				doc.Name = d.Filename
			case d.Name != "":
				doc.Content, _ = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(d.Text), "")) // what cannot be read is not shown, and nobody is told
			default:
				continue
			}
			slides = append(slides, doc)
		}
		if i := slices.IndexFunc(slides, func(d Document) bool { return d.Current }); i > 0 {
			first := slides[i]
			slides = slices.Insert(slices.Delete(slides, i, i+1), 0, first)
		}
		list = append(list, slides...)
	}
	return list, presentation, nil
}

// documents are those that come with create. Whatever is wrong with them, the meeting is made.
func (s *Server) documents(c *call, m *meeting) []Document {
	list, _, err := parseModules(c.body)
	if err != nil || len(c.body) == 0 || !isXML(c.http) {
		list = nil
	}
	if url := c.p.get("preUploadedPresentation"); url != "" {
		list = append(list, Document{Module: "presentation", URL: url, Name: c.p.get("preUploadedPresentationName"), Removable: true})
	}
	if slices.Contains(m.disabled, "presentation") {
		list = slices.DeleteFunc(list, func(d Document) bool { return d.Module == "presentation" })
	}
	return list
}

func isXML(r *http.Request) bool { return strings.Contains(r.Header.Get("Content-Type"), "/xml") }

// insertDocument adds slides to a meeting. It answers before anything is converted.
func (s *Server) insertDocument(w http.ResponseWriter, c *call) {
	if b := c.p.meetingID(false); b != nil {
		fail(w, *b)
		return
	}
	id := c.p.get("meetingID")
	m := s.index.find(id)
	if m == nil {
		answer(w, "FAILED", []node{el("message", "Meeting with id ["+id+"] not found.")})
		return
	}
	if slices.Contains(m.disabled, "presentation") {
		answer(w, "FAILED", []node{el("message", "Presentation feature is disabled, ignoring.")})
		return
	}
	list, presentation, err := parseModules(c.body)
	if err != nil || !presentation {
		return // an empty answer
	}
	for _, d := range list {
		d.InsertedAfterCreation = true
		m.documents = append(m.documents, d)
	}
	success(w, el("message", "Presentation is being uploaded"))
}

// Documents returns what reached a meeting that is still listed, in the order it is shown.
func (s *Server) Documents(meeting string) []Document {
	var list []Document
	s.locked(func(time.Time) {
		if m := s.index.find(meeting); m != nil {
			list = slices.Clone(m.documents)
		}
	})
	return list
}

// ChatMessage is one sent by the API.
type ChatMessage struct{ From, Text string }

func (s *Server) sendChatMessage(w http.ResponseWriter, c *call) {
	b := c.p.meetingID(false)
	text, from := c.p.get("message"), c.p.get("userName")
	switch {
	case b != nil:
	case text == "":
		b = &breach{"nullError", "You must provide a message"}
	case utf8.RuneCountInString(text) > 500:
		b = &breach{"sizeError", "Message must be between 1 and 500 characters"}
	case utf8.RuneCountInString(from) > 255:
		b = &breach{"sizeError", "User name must be between 1 and 255 characters"}
	}
	if b != nil {
		fail(w, *b)
		return
	}
	m := s.index.find(c.p.get("meetingID"))
	if m == nil || !m.running() {
		fail(w, breach{"meetingNotFound", "Meeting not found"})
		return
	}
	if from == "" {
		from = "System"
	}
	m.chat = append(m.chat, ChatMessage{From: from, Text: text})
	s.tell(m, nil, "chat-group-message-sent", c.now)
	success(w, el("messageKey", ""), el("message", "Message sent"))
}

// Chat returns what was sent into a meeting by the API.
func (s *Server) Chat(meeting string) []ChatMessage {
	var list []ChatMessage
	s.locked(func(time.Time) {
		if m := s.index.find(meeting); m != nil {
			list = slices.Clone(m.chat)
		}
	})
	return list
}
