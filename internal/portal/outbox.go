// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/id"
	"meetcoop/internal/locale"
	"meetcoop/internal/mail"
	"meetcoop/internal/store"
)

// outboxShown is how many letters the page lists; older ones stay in the database.
const outboxShown = 50

// outboxPage lists the letters of a demo, which sends none. Anyone on this machine may read them: the route exists
// with --demo alone.
type outboxPage struct {
	Page
	Notice Notice
	Table  Table
	Empty  *Empty
}

func (h *Handler) outboxShow(w http.ResponseWriter, r *Request) error {
	var letters []mail.Mail
	err := h.DB.Read(r.Context(), func(tx store.Reader) (err error) {
		letters, err = mail.List(r.Context(), tx, outboxShown)
		return err
	})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "outbox_show", h.outboxOf(r, letters))
}

func (h *Handler) outboxOf(r *Request, letters []mail.Mail) outboxPage {
	page := outboxPage{
		Page: h.page(r, "outbox", r.P.T("outbox.title")), Notice: Notice{Kind: NoticeInfo, Text: r.P.T("outbox.notice")},
		Table: Table{Caption: r.P.T("outbox.caption"), CaptionHidden: true, Columns: []Column{{Label: r.P.T("outbox.subject")}, {Label: r.P.T("outbox.to")}, {Label: r.P.T("outbox.at")}}},
	}
	page.Robots = false
	for _, l := range letters {
		page.Table.Rows = append(page.Table.Rows, []Cell{{Text: l.Subject, Href: "/outbox/" + string(l.ID)}, {Text: l.To}, {Text: r.P.DateTime(l.CreatedAt)}})
	}
	if len(letters) == 0 {
		page.Empty = &Empty{Icon: "inbox", Text: r.P.T("outbox.empty")}
	}
	return page
}

// letterPage shows one letter as plain text, with its links to press.
type letterPage struct {
	Page
	To, At string
	Lang   locale.Tag // of the letter
	Parts  []letterPart
}

// letterPart is a piece of a letter: text, or an address that can be followed.
type letterPart struct{ Text, Href string }

func (h *Handler) letterShow(w http.ResponseWriter, r *Request) error {
	letter, err := id.ParseMail(r.PathValue("mail"))
	if err != nil {
		return err
	}
	var m mail.Mail
	err = h.DB.Read(r.Context(), func(tx store.Reader) (err error) {
		m, err = mail.Get(r.Context(), tx, letter)
		return err
	})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "outbox_letter", h.letterOf(r, m))
}

func (h *Handler) letterOf(r *Request, m mail.Mail) letterPage {
	tag, _ := locale.Parse(string(m.Locale)) // "" leaves the language of the page
	page := letterPage{Page: h.page(r, "outbox", m.Subject), To: m.To, At: r.P.DateTime(m.CreatedAt), Lang: tag, Parts: linked(m.Text, h.PublicURL)}
	page.Trail = []Link{{Label: r.P.T("outbox.title"), Href: "/outbox"}}
	page.Robots = false
	return page
}
