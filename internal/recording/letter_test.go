// SPDX-License-Identifier: AGPL-3.0-or-later

package recording_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/mail"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// metIn are the days on which three recordings of the tests ended, after day 0.
var metIn = []time.Duration{0, 5 * time.Hour, 20 * time.Hour}

func limit(n int64) *int64 { return &n }

// aging is a member with recordings, owners and a contact, under a clock of its own.
type aging struct {
	t     *testing.T
	c     *gatewaytest.Cooperative
	k     *gatewaytest.Client
	now   instant.Instant
	from  instant.Instant
	nodes []*recording.Service
}

func newAging(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node, f tariff.OverrideFields) *aging {
	t.Helper()
	a := &aging{t: t, c: c, k: c.Client(n, "hilado", f)}
	a.from = instant.Of(time.Now()).Add(-time.Hour)
	a.now = a.from
	c.Person(t, a.k.Member.ID, "owner@hilado.example", membership.RoleOwner)
	c.Person(t, a.k.Member.ID, "manager@hilado.example", membership.RoleManager)
	a.exec(`UPDATE person SET locale = 'de' WHERE id IN (SELECT person FROM person_email WHERE address = 'owner@hilado.example')`)
	contacts := []membership.Contact{{Kind: membership.ContactBilling, Address: "till@hilado.example"}, {Kind: membership.ContactBilling, Address: "Owner@hilado.example"}, {Kind: membership.ContactTechnical, Address: "tech@hilado.example"}}
	if err := n.Members.SetContacts(background, identity.Operator(), a.k.Member.ID, contacts); err != nil {
		t.Fatal(err)
	}
	for i, after := range metIn {
		start := a.from.Add(after)
		id := fmt.Sprintf("%040x-%d", i, start.Time().UnixMilli())
		text := strings.NewReplacer("1700000000000", fmt.Sprint(start.Time().UnixMilli()), "1700000600000", fmt.Sprint(start.Time().UnixMilli()), "name=\"Assembly\"", fmt.Sprintf("name=\"Lesson %d\"", i)).Replace(metadata(id, "video", "c"))
		text = strings.ReplaceAll(text, "-"+fmt.Sprint(start.Time().UnixMilli())+"\"", id[40:]+"\"")
		all := []entry{{name: "video/" + id + "/metadata.xml", text: text}, {name: "video/" + id + "/v.webm", text: "x"}}
		if out, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(archive(t, all...)), Connection: a.k.Connection.ID}); err != nil || len(out.Imported) != 1 {
			t.Fatal(err, out)
		}
	}
	for range 2 {
		s, err := n.RecordingsAt(func() instant.Instant { return a.now })
		if err != nil {
			t.Fatal(err)
		}
		a.nodes = append(a.nodes, s)
	}
	return a
}

func (a *aging) exec(query string) {
	a.t.Helper()
	if err := a.c.DB.Write(background, func(tx store.Tx) error { _, err := tx.Exec(background, query); return err }); err != nil {
		a.t.Fatal(err)
	}
}

// day goes to an hour and has two nodes keep at once, twice.
func (a *aging) day(d int) {
	a.t.Helper()
	a.now = a.from.Add(time.Duration(d)*24*time.Hour + 30*time.Minute)
	for range 2 {
		var wg sync.WaitGroup
		for _, s := range a.nodes {
			wg.Go(func() {
				if err := s.Keep(background); err != nil {
					a.t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// letters are those written since the last call, by who gets them.
func (a *aging) letters() map[string]mail.Mail {
	a.t.Helper()
	out := map[string]mail.Mail{}
	err := a.c.DB.Write(background, func(tx store.Tx) error {
		all, err := mail.List(background, tx, 100)
		if err != nil {
			return err
		}
		for _, m := range all {
			if _, twice := out[m.To]; twice {
				a.t.Errorf("two letters to %s", m.To)
			}
			out[m.To] = m
		}
		_, err = tx.Exec(background, `DELETE FROM mail`)
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// readers are the addresses of some letters, sorted.
func readers(m map[string]mail.Mail) string {
	var out []string
	for to := range m {
		out = append(out, to)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

const whoReads = "owner@hilado.example till@hilado.example"

func TestPeopleAreToldOnceBeforeAgeRemovesRecordings(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a := newAging(t, c, n, tariff.OverrideFields{RetentionDays: limit(90)})
		a.day(1)
		if got := a.letters(); len(got) != 0 {
			t.Fatalf("letters on day 1: %s", readers(got))
		}
		a.day(76)
		got := a.letters()
		if readers(got) != whoReads {
			t.Fatalf("letters on day 76 to %q, want %q", readers(got), whoReads)
		}
		for _, want := range []string{"3 recordings", "Lesson 0", "Lesson 1", "Lesson 2", "90 days", "/m/hilado/recordings?sort=end", "contact of"} {
			if !strings.Contains(got["till@hilado.example"].Text, want) {
				t.Errorf("no %q in\n%s", want, got["till@hilado.example"].Text)
			}
		}
		if m := got["owner@hilado.example"]; m.Kind != "recording_expires" || m.Locale != "de" || !strings.HasPrefix(m.Subject, "3 Aufzeichnungen von ") || !strings.Contains(m.Text, "Inhaber*in") {
			t.Errorf("the owner reads %s: %s\n%s", m.Locale, m.Subject, m.Text)
		}
		a.day(77)
		a.day(80)
		if got := a.letters(); len(got) != 0 {
			t.Errorf("told again: %s", readers(got))
		}
		a.day(87)
		if got := a.letters(); readers(got) != whoReads || !strings.Contains(got["till@hilado.example"].Text, "Lesson 2") {
			t.Errorf("3 days before: %s", readers(got))
		}
		a.day(91)
		if got := a.letters(); len(got) != 0 {
			t.Errorf("after the end: %s", readers(got))
		}
		left := 0
		if err := c.DB.Read(background, func(r store.Reader) error {
			all, err := recording.OfMember(background, r, a.k.Member.ID)
			for _, v := range all {
				if v.State != recording.Deleted {
					left++
				}
			}
			return err
		}); err != nil || left != 0 {
			t.Errorf("%v, %d are left", err, left)
		}
	})
}

func TestADowngradeIsToldAndGivesThirtyDays(t *testing.T) {
	for name, before := range map[string]*int64{"from a longer time": limit(365), "from no limit": nil} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
				a := newAging(t, c, n, tariff.OverrideFields{RetentionDays: before})
				a.day(100)
				if got := a.letters(); len(got) != 0 {
					t.Fatalf("letters before: %s", readers(got))
				}
				c.Override(t, a.k.Member.ID, tariff.OverrideFields{RetentionDays: limit(10)})
				a.day(101)
				got := a.letters()
				if readers(got) != whoReads || got["till@hilado.example"].Kind != "recording_shortened" || !strings.Contains(got["till@hilado.example"].Text, "10 days") {
					t.Fatalf("at the downgrade: %s\n%s", readers(got), got["till@hilado.example"].Text)
				}
				until := a.now.Add(30 * 24 * time.Hour)
				if err := c.DB.Read(background, func(r store.Reader) error {
					all, err := recording.OfMember(background, r, a.k.Member.ID)
					for _, v := range all {
						if v.State == recording.Deleted || v.KeepUntil != until {
							t.Errorf("%s until %s, want %s", v.State, v.KeepUntil, until)
						}
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
				a.day(110)
				if got := a.letters(); len(got) != 0 {
					t.Errorf("told again: %s", readers(got))
				}
				a.day(117)
				if got := a.letters(); readers(got) != whoReads || got["till@hilado.example"].Kind != "recording_expires" {
					t.Errorf("14 days before: %s", readers(got))
				}
			})
		})
	}
}

func TestAStoppedNodeLosesNoLetter(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a := newAging(t, c, n, tariff.OverrideFields{RetentionDays: limit(90)})
		a.day(1)
		a.exec(`UPDATE recording SET announce = 'expires', notice = 14`) // noted, and then the node was stopped
		a.day(2)
		if got := a.letters(); readers(got) != whoReads {
			t.Errorf("letters after the restart: %s", readers(got))
		}
	})
}
