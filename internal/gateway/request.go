// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/membership"
)

const (
	maxForm  = 1 << 20  // bytes of a form
	maxXML   = 40 << 20 // bytes of XML modules
	inMemory = 256 << 10
)

const (
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
)

// request is one call whose checksum was right.
type request struct {
	http       *http.Request
	name       string // of the call
	tenant     *tenant
	connection membership.Connection
	q          bbb.Query // query and form, without the checksum
	raw        string    // the query as it came
	body       *spool    // of XML modules; nil for none
}

// spool is a body that can be read several times: small in memory, large in a file without a name.
type spool struct {
	io.ReadSeeker

	media  string
	length int64
	file   *os.File
}

func (s *spool) close() {
	if s != nil && s.file != nil {
		_ = s.file.Close() // it has no name any more
	}
}

var errTooLarge = errors.New("gateway: body too large")

func newSpool(from io.Reader, media string) (*spool, error) {
	head, err := io.ReadAll(io.LimitReader(from, inMemory+1))
	if err != nil {
		return nil, err
	}
	if len(head) <= inMemory {
		return &spool{ReadSeeker: bytes.NewReader(head), media: media, length: int64(len(head))}, nil
	}
	f, err := os.CreateTemp("", "meetcoop-body-*")
	if err != nil {
		return nil, err
	}
	s := &spool{ReadSeeker: f, media: media, file: f}
	if err := os.Remove(f.Name()); err != nil {
		s.close()
		return nil, err
	}
	s.length, err = io.Copy(f, io.LimitReader(io.MultiReader(bytes.NewReader(head), from), maxXML+1))
	if err == nil && s.length > maxXML {
		err = errTooLarge
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// problem is an answer FAILED that this package finds by itself.
type problem = conference.Problem

var (
	errNoChecksum  = problem{Key: "checksumError", Message: "You must provide the checksum"}
	errChecksum    = problem{Key: "checksumError", Message: "Checksums do not match"}
	errContentType = problem{Key: "unsupportedContentType", Message: "POST request Content-Type is missing or unsupported"}
	errQuery       = problem{Key: "validationError", Message: "The query of the request cannot be read"}
	errBody        = problem{Key: "validationError", Message: "The body of the request cannot be read"}
	errUnsupported = problem{Key: "unsupportedRequest", Message: "This request is not supported."}
)

// hasBody reports whether a request comes with one: only then its type matters.
func hasBody(r *http.Request) bool { return r.ContentLength > 0 || len(r.TransferEncoding) > 0 }

// read takes a request apart: query, then body if it is a form. texts are what the checksum may be over.
func read(r *http.Request, c call) (q bbb.Query, sum string, texts []string, b *spool, err error) {
	if q, err = bbb.ParseQuery(r.URL.RawQuery); err != nil {
		return q, "", nil, nil, errQuery
	}
	sum = q.Get("checksum")
	if !hasBody(r) {
		return q.Without("checksum"), sum, []string{withoutChecksum(r.URL.RawQuery, sum)}, nil, nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(c.bodies, media) {
		// The checksum comes first; a body that cannot be read signs nothing.
		return q.Without("checksum"), sum, []string{withoutChecksum(r.URL.RawQuery, sum)}, nil, errContentType
	}
	var form url.Values
	switch {
	case slices.Contains(c.bodies, keptBody):
		b, err = newSpool(r.Body, r.Header.Get("Content-Type"))
	case media == formType:
		form, err = readForm(r.Body)
	case media == multipartType:
		form, err = readMultipart(r.Body, params["boundary"])
	default:
		b, err = newSpool(r.Body, r.Header.Get("Content-Type"))
	}
	if err != nil {
		return q.Without("checksum"), sum, []string{withoutChecksum(r.URL.RawQuery, sum)}, nil, errBody
	}
	merged := r.URL.RawQuery
	if len(form) > 0 {
		encoded := form.Encode()
		if merged != "" {
			merged += "&"
		}
		if q, err = bbb.ParseQuery(merged + encoded); err != nil {
			return q, sum, nil, nil, errQuery
		}
	}
	if sum == "" {
		sum = q.Get("checksum")
	}
	texts = []string{withoutChecksum(r.URL.RawQuery, sum)}
	if r.URL.RawQuery == "" {
		texts = append(texts, formText(cleaned(form)))
	}
	return q.Without("checksum"), sum, texts, b, nil
}

func readForm(from io.Reader) (url.Values, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxForm+1))
	if err != nil || len(body) > maxForm {
		return nil, errors.Join(err, errTooLarge)
	}
	out := url.Values{}
	for part := range strings.SplitSeq(string(body), "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(k)
		if err != nil {
			return nil, err
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return nil, err
		}
		out.Add(key, value)
	}
	return out, nil
}

func readMultipart(from io.Reader, boundary string) (url.Values, error) {
	form, err := multipart.NewReader(io.LimitReader(from, maxForm), boundary).ReadForm(maxForm)
	if err != nil {
		return nil, err
	}
	defer func() { _ = form.RemoveAll() }() // nothing was written: the limit is in memory
	return form.Value, nil
}

func cleaned(form url.Values) url.Values {
	out := url.Values{}
	for k, values := range form {
		for _, v := range values {
			if utf8.ValidString(v) {
				out.Add(k, bbb.Clean(v))
			}
		}
	}
	return out
}
