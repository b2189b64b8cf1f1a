// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"

	"meetcoop/internal/engine/bbb"
)

// element appends <name>text</name>.
func element(b []byte, name, text string) []byte {
	return (&bbb.Element{Name: name, Text: text}).Append(b)
}

// xml writes an answer whose children are given as XML.
func xml(w http.ResponseWriter, code, children string) {
	writeXML(w, []byte("<response><returncode>"+code+"</returncode>"+children+"</response>"))
}

func writeXML(w http.ResponseWriter, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/xml;charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache")
	}
	_, _ = w.Write(body) // a client that is gone
}

func success(w http.ResponseWriter, children string) { xml(w, "SUCCESS", children) }

// failure is the error form of the API: returncode, messageKey, message.
func failure(w http.ResponseWriter, key, message string) {
	b := element(nil, "messageKey", key)
	xml(w, "FAILED", string(element(b, "message", message)))
}

// writeJSON writes an answer as the calls do that have JSON: everything in "response".
func writeJSON(w http.ResponseWriter, v any) {
	body, err := json.Marshal(map[string]any{"response": v})
	if err != nil {
		body = []byte(`{"response":{"returncode":"FAILED"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json;charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	_, _ = w.Write(body) // a client that is gone
}
