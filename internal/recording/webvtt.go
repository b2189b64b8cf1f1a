// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	errNoCues = errors.New("recording: subtitles without a line")
	errNotVTT = errors.New("recording: neither SRT nor WebVTT")
)

// cueTime is the line of times of a cue: SubRip writes a comma before the milliseconds, WebVTT a point, and the latter may leave out hours
// (https://www.w3.org/TR/webvtt1/, section 4.1). Settings behind it are dropped.
var cueTime = regexp.MustCompile(`^\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})\s*-->\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})(?:\s.*)?$`)

const mostCues = 50_000

// toWebVTT reads SRT or WebVTT and writes plain WebVTT: times, and text without markup but for lines. Cues without text, or with an end
// before their beginning, are left out; styles, regions and notes too. errNoCues when nothing is there, errNotVTT for what is neither.
func toWebVTT(src []byte) (string, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if len(bytes.TrimSpace(src)) == 0 {
		return "", errNoCues
	}
	if len(src) > MostTrack || !utf8.Valid(src) || bytes.ContainsRune(src, 0) {
		return "", errNotVTT
	}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(src))
	var out strings.Builder
	out.WriteString("WEBVTT\n")
	cues := 0
	for block := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		at := -1
		for i, l := range lines {
			if cueTime.MatchString(l) {
				at = i
				break
			}
		}
		if at < 0 || at > 1 { // a number or name may stand before it
			continue
		}
		from, until, ok := cueSpan(lines[at])
		words := plain(lines[at+1:])
		if !ok || words == "" {
			continue
		}
		if cues++; cues > mostCues {
			return "", errNotVTT
		}
		fmt.Fprintf(&out, "\n%s --> %s\n%s\n", clock(from), clock(until), words)
	}
	if cues == 0 {
		return "", errNotVTT
	}
	return out.String(), nil
}

func cueSpan(line string) (from, until int64, ok bool) {
	m := cueTime.FindStringSubmatch(line)
	from, until = millis(m[1:5]), millis(m[5:9])
	return from, until, from >= 0 && until > from
}

// millis reads hours, minutes, seconds and a fraction; -1 when minutes or seconds are none.
func millis(parts []string) int64 {
	var n [3]int64
	for i := range n {
		if parts[i] != "" {
			v, err := strconv.ParseInt(parts[i], 10, 64)
			if err != nil {
				return -1
			}
			n[i] = v
		}
	}
	fraction, err := strconv.ParseInt((parts[3] + "00")[:3], 10, 64)
	if err != nil || n[1] > 59 || n[2] > 59 {
		return -1
	}
	return ((n[0]*60+n[1])*60+n[2])*1000 + fraction
}

func clock(ms int64) string {
	return fmt.Sprintf("%02d:%02d:%02d.%03d", ms/3_600_000, ms/60_000%60, ms/1000%60, ms%1000)
}

var markup = regexp.MustCompile(`<[^>]*>|\{\\[^}]*\}`)

// plain keeps the words of a cue: no markup, no empty line, and nothing that a reader would take for times.
func plain(lines []string) string {
	var out []string
	for _, l := range lines {
		l = strings.TrimSpace(markup.ReplaceAllString(l, ""))
		l = strings.NewReplacer("-->", "→", "<", "&lt;", ">", "&gt;").Replace(l)
		if l != "" {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}
