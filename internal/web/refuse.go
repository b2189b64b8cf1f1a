// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"meetcoop/internal/fault"
	"meetcoop/internal/locale"
)

//go:embed refused.html
var refusedHTML string

var refusedPage = template.Must(template.New("refused").Parse(refusedHTML))

// Refusal returns a Refuser that logs the error and answers with a small page in the visitor's
// language. It is for refusals that no face gets to see: a foreign Host, a panic, a body too large.
func Refusal(catalog *locale.Catalog, log *slog.Logger) Refuser {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		a := answerTo(err)
		log.Log(r.Context(), a.level, "request refused", "request_id", RequestID(r), "code", fault.CodeOf(err), "err", err)
		p := catalog.Printer(LanguageOf(r), nil)
		var page bytes.Buffer
		if err := refusedPage.Execute(&page, struct {
			Lang                   locale.Tag
			Title, Message, Number string
		}{p.Tag(), p.T("web.refused.title"), p.Fault(err), p.T("web.refused.number", map[string]any{"ID": RequestID(r)})}); err != nil {
			panic("web: " + err.Error()) // the template is constant and gets strings only
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Del("Content-Encoding")
		if a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests {
			h.Set("Retry-After", strconv.Itoa(RetryAfter))
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(page.Bytes()) // who does not listen any more is not told
	}
}
