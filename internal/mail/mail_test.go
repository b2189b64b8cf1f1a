// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func rendered(t *testing.T, tag locale.Tag, change func(*LetterInput)) Letter {
	t.Helper()
	in := LetterInput{
		Kind: "signin", Subject: "Sign in at Ateneu", Lead: "You asked to sign in.", Code: "042817",
		Button: Button{"Sign in", "https://meet.example/signin/confirm?token=abc&x=1"},
		Lines:  []string{"The link works once, for 15 minutes.", ""}, Reason: "You get this because this address was typed at meet.example.",
	}
	if change != nil {
		change(&in)
	}
	l := Render(localetest.Catalog(t).Printer(tag, nil), in)
	l.To, l.Locale = "ada@example.org", tag
	return l
}

func TestALetterLooksLikeItsGoldenFile(t *testing.T) {
	for _, tag := range locale.Supported {
		l := rendered(t, tag, nil)
		for suffix, got := range map[string]string{".txt": l.Text, ".html": l.HTML} {
			path := filepath.Join("testdata", "letter."+string(tag)+suffix)
			if *update {
				if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", path, diff)
			}
		}
	}
}

func TestALetterLoadsNothingAndIsSmall(t *testing.T) {
	l := rendered(t, locale.English, func(in *LetterInput) {
		for range 20 {
			in.Lines = append(in.Lines, strings.Repeat("Long words of a long letter. ", 15))
		}
	})
	for _, remote := range []string{"<img", "src=", "url(", "@import", "<link", "<script", "background="} {
		if strings.Contains(l.HTML, remote) {
			t.Errorf("the letter holds %q", remote)
		}
	}
	if err := l.check(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(l.HTML, "https://meet.example/"); n != 3 { // button, bare link and its text
		t.Errorf("%d links", n)
	}
}

func TestWhatPeopleTypedStaysText(t *testing.T) {
	l := rendered(t, locale.English, func(in *LetterInput) {
		in.Subject = "Room <b>x</b>\r\nBcc: victim@example.org"
		in.Lead = "Bob\nhttps://evil.example </p><script>alert(1)</script> \u202egnp.exe"
		in.Button.URL = "javascript:alert(1)"
	})
	if strings.ContainsAny(l.Subject, "\r\n") || strings.Contains(l.HTML, "<script>") || strings.Contains(l.HTML, `href="javascript`) || strings.Contains(l.HTML, "<b>x") {
		t.Errorf("markup or a header got through: %q\n%s", l.Subject, l.HTML)
	}
	if strings.Contains(l.Text, "\u202e") || !strings.Contains(l.Text, "\nBob https://evil.example") {
		t.Errorf("a forged line in %q", l.Text)
	}
}

func TestNoHeaderCanBeInjected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, change := range map[string]func(*Letter){
			"line break in the address": func(l *Letter) { l.To = "ada@example.org\r\nBcc: b@example.org" },
			"two addresses":             func(l *Letter) { l.To = "ada@example.org, b@example.org" },
			"name and address":          func(l *Letter) { l.To = "Ada <ada@example.org>" },
			"quoted local part":         func(l *Letter) { l.To = `"ada b"@example.org` },
			"not an address":            func(l *Letter) { l.To = "ada" },
			"too long":                  func(l *Letter) { l.To = strings.Repeat("a", 250) + "@example.org" },
			"line break in the subject": func(l *Letter) { l.Subject = "x\nBcc: b@example.org" },
			"subject without end":       func(l *Letter) { l.Subject = strings.Repeat("x", 300) },
			"too much text":             func(l *Letter) { l.Text = strings.Repeat("x", maxBytes) },
			"nothing":                   func(l *Letter) { l.HTML = "" },
		} {
			l := letter().Letter
			change(&l)
			err := db.Write(t.Context(), func(tx store.Tx) error { return Enqueue(t.Context(), tx, instant.Of(time.Now()), l) })
			if err == nil {
				t.Errorf("%s went through", name)
			}
		}
	})
}

// post is a transport that answers what it is told and reports what it was given.
type post struct {
	sent  chan Mail
	error error
	keeps bool
}

func (p *post) Send(_ context.Context, m Mail) error {
	p.sent <- m
	return p.error
}
func (p *post) Keeps() bool { return p.keeps }

func enqueue(t *testing.T, db *store.DB, l Letter) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx store.Tx) error { return Enqueue(t.Context(), tx, instant.Of(time.Now()), l) }); err != nil {
		t.Fatal(err)
	}
}

func newest(t *testing.T, db *store.DB) Mail {
	t.Helper()
	var all []Mail
	if err := db.Read(t.Context(), func(r store.Reader) (err error) { all, err = List(t.Context(), r, 10); return err }); err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all[0]
}

func run(t *testing.T, db *store.DB, transport Transport) *jobs.Runner {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r := jobs.New(jobs.Deps{DB: db, Now: instant.System(0), Log: log, Node: id.NewNode()})
	New(Deps{DB: db, Now: instant.System(0), Log: log, Transport: transport}).Register(r)
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

func TestALetterIsSentOnceItsTransactionCommits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for name, p := range map[string]*post{"by SMTP the table forgets it": {keeps: false}, "in the outbox it stays": {keeps: true}} {
			p.sent = make(chan Mail, 10)
			r := run(t, db, p)
			no := errors.New("no")
			if err := db.Write(t.Context(), func(tx store.Tx) error {
				return errors.Join(Enqueue(t.Context(), tx, instant.Of(time.Now()), letter().Letter), no)
			}); !errors.Is(err, no) {
				t.Fatal(err)
			}
			l := rendered(t, locale.Catalan, nil)
			enqueue(t, db, l)
			got := <-p.sent
			if diff := cmp.Diff(l, got.Letter); diff != "" {
				t.Errorf("%s: sent (-want +got)\n%s", name, diff)
			}
			r.Stop()
			m := newest(t, db)
			if m.State != StateSent || m.SentAt.IsZero() || m.Subject != l.Subject || (m.Text != "") != p.keeps || (m.HTML != "") != p.keeps {
				t.Errorf("%s: %+v", name, m)
			}
			again := m.ID // the note of its end was lost, and the job runs again
			if err := db.Write(t.Context(), func(tx store.Tx) error {
				return jobs.Enqueue(t.Context(), tx, instant.Of(time.Now()), jobs.EnqueueInput{Kind: kindSend, Args: again})
			}); err != nil {
				t.Fatal(err)
			}
			if err := r.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			enqueue(t, db, letter().Letter)
			if m := <-p.sent; m.ID == again {
				t.Errorf("%s: sent again", name)
			}
			r.Stop()
		}
	})
}

func TestARefusedLetterIsMarkedAndMayBeTriedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := &post{sent: make(chan Mail, 10), error: jobs.Park(errors.New("smtp: 550 nobody"))}
		r := run(t, db, p)
		enqueue(t, db, letter().Letter)
		<-p.sent
		r.Stop()
		m := newest(t, db)
		if m.State != StateFailed || m.Text == "" {
			t.Fatalf("after a refusal: %+v", m)
		}
		p.error = nil
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), func(tx store.Tx) error {
			parked, err := jobs.List(t.Context(), tx, jobs.StateParked, 1)
			if err != nil {
				return err
			}
			return jobs.Retry(t.Context(), tx, instant.Of(time.Now()), parked[0].ID)
		}); err != nil {
			t.Fatal(err)
		}
		<-p.sent
		r.Stop()
		if m := newest(t, db); m.State != StateSent {
			t.Errorf("after the retry: %+v", m)
		}
	})
}

func TestGetFindsALetterOrSaysSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		enqueue(t, db, letter().Letter)
		m := newest(t, db)
		if err := db.Read(t.Context(), func(r store.Reader) error {
			got, err := Get(t.Context(), r, m.ID)
			if diff := cmp.Diff(m, got, cmpopts.EquateComparable(instant.Instant{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if _, missing := Get(t.Context(), r, id.NewMail()); fault.CodeOf(missing) != "mail.unknown" {
				t.Errorf("unknown letter: %v", missing)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOldLettersAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		enqueue(t, db, letter().Letter)
		now := instant.Of(time.Now())
		for _, c := range []struct {
			before instant.Instant
			want   int
		}{{now.Add(-time.Hour), 1}, {now.Add(time.Hour), 0}} {
			var left []Mail
			if err := db.Write(t.Context(), func(tx store.Tx) (err error) {
				if err := trim(t.Context(), tx, c.before); err != nil {
					return err
				}
				left, err = List(t.Context(), tx, 10)
				return err
			}); err != nil || len(left) != c.want {
				t.Errorf("%d left, want %d, %v", len(left), c.want, err)
			}
		}
	})
}

func TestLongSubjectsAreCutBetweenCharacters(t *testing.T) {
	for _, s := range []string{"short", strings.Repeat("a", shownSubject), strings.Repeat("宿", 80), strings.Repeat("é", 70) + "x"} {
		got := Cut(s, shownSubject)
		if len(got) > shownSubject || !strings.HasPrefix(s, strings.TrimSuffix(got, "…")) || strings.ContainsRune(got, '\ufffd') || (len(s) <= shownSubject) != (got == s) {
			t.Errorf("Cut(%q) = %q", s, got)
		}
	}
}
