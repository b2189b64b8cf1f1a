// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
)

// node is one element of a reply; the order of elements is part of the contract.
type node struct {
	name string
	text string
	kids []node

	attrs []string // names and values in turn
	cdata bool
}

// out is an answer until it is sent: what a call says is complete before anybody waits for a slow reader.
type out struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (o *out) Header() http.Header { return o.header }

// WriteHeader implements http.ResponseWriter.
func (o *out) WriteHeader(status int) { o.status = status }

// Write implements http.ResponseWriter.
func (o *out) Write(b []byte) (int, error) { return o.body.Write(b) }

func el(name, text string) node           { return node{name: name, text: text} }
func yes(name string, v bool) node        { return el(name, strconv.FormatBool(v)) }
func num(name string, n int64) node       { return el(name, strconv.FormatInt(n, 10)) }
func group(name string, kids []node) node { return node{name: name, kids: kids} }
func optional(name, text string) []node {
	if text == "" {
		return nil
	}
	return []node{el(name, text)}
}

func (n *node) write(b *bytes.Buffer) {
	b.WriteByte('<')
	b.WriteString(n.name)
	for i := 0; i+1 < len(n.attrs); i += 2 {
		b.WriteString(" " + n.attrs[i] + "=\"")
		escape(b, n.attrs[i+1])
		b.WriteByte('"')
	}
	b.WriteByte('>')
	if n.cdata {
		b.WriteString("<![CDATA[" + strings.ReplaceAll(n.text, "]]>", "]]]]><![CDATA[>") + "]]>")
	} else {
		escape(b, n.text)
	}
	for i := range n.kids {
		n.kids[i].write(b)
	}
	b.WriteString("</")
	b.WriteString(n.name)
	b.WriteByte('>')
}

// escape writes text into XML. Most of it needs no care.
func escape(b *bytes.Buffer, text string) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' {
			_ = xml.EscapeText(b, []byte(text)) // a buffer never fails
			return
		}
	}
	b.WriteString(text)
}

// success answers with the elements after the return code.
func success(w http.ResponseWriter, kids ...node) { answer(w, "SUCCESS", kids) }

// fail answers in the form used nearly everywhere. The status is 200 all the same.
func fail(w http.ResponseWriter, b breach) {
	answer(w, "FAILED", []node{el("messageKey", b.key), el("message", b.text)})
}

func answer(w http.ResponseWriter, code string, kids []node) {
	var b bytes.Buffer
	b.Grow(1 << 11)
	b.WriteString("<response><returncode>" + code + "</returncode>")
	for i := range kids {
		kids[i].write(&b)
	}
	b.WriteString("</response>")
	w.Header().Set("Content-Type", "text/xml;charset=utf-8")
	_, _ = b.WriteTo(w) // nobody left to tell
}

// answerJSON answers with a document, whatever it says with status 200.
func answerJSON(w http.ResponseWriter, doc any) {
	text, err := json.Marshal(doc)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // nobody left to tell
}

// response is the envelope of most JSON answers.
func response(doc map[string]any) map[string]any { return map[string]any{"response": doc} }
