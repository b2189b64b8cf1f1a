// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
)

// node is one element of a reply; the order of elements is part of the contract.
type node struct {
	name string
	text string
	kids []node
}

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

func (n node) write(b *bytes.Buffer) {
	b.WriteString("<" + n.name + ">")
	_ = xml.EscapeText(b, []byte(n.text)) // a buffer never fails
	for _, k := range n.kids {
		k.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

// success answers with the elements after the return code.
func success(w http.ResponseWriter, kids ...node) { answer(w, "SUCCESS", kids) }

// fail answers in the form used nearly everywhere. The status is 200 all the same.
func fail(w http.ResponseWriter, b breach) {
	answer(w, "FAILED", []node{el("messageKey", b.key), el("message", b.text)})
}

func answer(w http.ResponseWriter, code string, kids []node) {
	var b bytes.Buffer
	group("response", append([]node{el("returncode", code)}, kids...)).write(&b)
	w.Header().Set("Content-Type", "text/xml;charset=utf-8")
	_, _ = b.WriteTo(w) // nobody left to tell
}
