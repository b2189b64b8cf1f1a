// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/mail"
)

func TestAddressesAreReadAsPeopleTypeThem(t *testing.T) {
	for _, c := range []struct{ in, address, key string }{
		{"ana@example.org", "ana@example.org", "ana@example.org"},
		{"  Ana.Puig@Example.ORG ", "Ana.Puig@example.org", "ana.puig@example.org"},
		{"ana+meet@sub.example.org", "ana+meet@sub.example.org", "ana+meet@sub.example.org"},
		{"o'neil@example.org", "o'neil@example.org", "o'neil@example.org"},
		{"jose\u0301@example.org", "jos\u00e9@example.org", "jos\u00e9@example.org"}, // decomposed becomes NFC
		{"info@B\u00dcCHER.example", "info@xn--bcher-kva.example", "info@xn--bcher-kva.example"},
		{"a@xn--bcher-kva.example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		{"TITEL@example.org", "TITEL@example.org", "titel@example.org"}, // no Turkish dotless i
	} {
		a, ok := ParseAddress(c.in)
		if !ok || a.String() != c.address || a.Key() != c.key {
			t.Errorf("ParseAddress(%q) = %q, %q, %v; want %q, %q", c.in, a.String(), a.Key(), ok, c.address, c.key)
		}
	}
}

func TestWhatIsNoAddressIsRefused(t *testing.T) {
	for _, in := range []string{
		"", "@", "a@", "@example.org", "ana", "ana@localhost", "a b@example.org", "a@b@example.org", `"a"@example.org`, "a@[127.0.0.1]",
		"a@127.0.0.1", "a@1.2", "a..b@example.org", ".a@example.org", "a.@example.org", "a@example..org", "a@-example.org", "a@example.org.",
		"a@exa mple.org", "a\r\nBcc: b@example.org", "a\x00@example.org", "a\u202e@example.org", "a\u200b@example.org", "a@exam\u200bple_.org",
		"Ana <ana@example.org>", "ana@example.org,b@example.org", "a\uff20b.example", "\xff@example.org",
		strings.Repeat("a", 65) + "@example.org", "a@" + strings.Repeat("a", 64) + ".org", "a@" + strings.Repeat("a.", 130) + "org", strings.Repeat("a", 100_000),
	} {
		if a, ok := ParseAddress(in); ok {
			t.Errorf("ParseAddress(%q) = %q", in, a)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"ana@example.org", "İ@example.org", "ß@ß.example", "a@b.c", "\u1e9e@example.org", "Σς@example.org", "a\u0345@x.org"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, ok := ParseAddress(s)
		if !ok {
			if a != (Address{}) {
				t.Fatalf("refused, yet %+v", a)
			}
			return
		}
		if strings.ContainsAny(a.String()+a.Key(), "\r\n\x00 <>\",;") || strings.Count(a.String(), "@") != 1 || len(a.String()) > maxAddressBytes {
			t.Fatalf("dangerous address %q", a)
		}
		if err := mail.CheckAddress(a.String()); err != nil {
			t.Fatalf("%q cannot be mailed to: %v", a, err)
		}
		for _, again := range []string{a.Key(), a.String(), strings.ToLower(a.String()), "\t" + s + "\n"} {
			if b, ok := ParseAddress(again); !ok || b.Key() != a.Key() {
				t.Fatalf("%q has key %q, but %q has %q, %v", s, a.Key(), again, b.Key(), ok)
			}
		}
	})
}

func TestNamesOfHumansPass(t *testing.T) {
	for in, want := range map[string]string{
		"  Ana   Puig ": "Ana Puig", "J.R. Smith": "J.R. Smith", "María-José Ñíguez": "María-José Ñíguez", "O’Neil": "O’Neil",
		"Jose\u0301": "José", "李小龍": "李小龍", "Nguyễn Thị Minh Khai": "Nguyễn Thị Minh Khai", "עָמִית": "עָמִית", "محمد": "محمد",
		"<b>Ana</b>":    "<b>Ana</b>", // escaped where it is shown
		"Ana\u00a0Puig": "Ana Puig", "X Æ A-12": "X Æ A-12", strings.Repeat("é", 80): strings.Repeat("é", 80),
	} {
		if got, code := CleanName(in); got != want || code != "" {
			t.Errorf("CleanName(%q) = %q, %q; want %q", in, got, code, want)
		}
	}
	if got, code := CleanTitle("meet.coop"); got != "meet.coop" || code != "" {
		t.Errorf("an organisation named after its site: %q, %q", got, code)
	}
}

func TestNamesThatDeceiveAreRefused(t *testing.T) {
	for in, want := range map[string]string{
		"": "person.name_empty", " \t": "person.name_characters", "  ": "person.name_empty", "...": "person.name_empty",
		strings.Repeat("a", 81): "person.name_long", strings.Repeat("a", 10_000): "person.name_long",
		"Ana\u202eguP": "person.name_characters", "An\u200ba": "person.name_characters", "Ana\u2066x": "person.name_characters",
		"Ana\n": "person.name_characters", "a\x00b": "person.name_characters", "a\ufeffb": "person.name_characters", "\u3164": "person.name_characters",
		"\u2800": "person.name_characters", "a\u034fb": "person.name_characters", "a\ue000": "person.name_characters", "a\xff": "person.name_characters",
		"A" + strings.Repeat("\u0336", 5): "person.name_characters",
		"ana@example.org":                 "person.name_link", "https://x": "person.name_link", "see evil.example now": "person.name_link", "www.evil": "person.name_link",
	} {
		if got, code := CleanName(in); code != want || got != "" {
			t.Errorf("CleanName(%q) = %q, %q; want %q", in, got, code, want)
		}
	}
	for _, in := range []string{"https://meet.coop", "meet.coop/join", "info@meet.coop", "www.meet.coop"} {
		if got, code := CleanTitle(in); code != "person.name_link" {
			t.Errorf("CleanTitle(%q) = %q, %q", in, got, code)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"Ana Puig", "a\u0301\u0301\u0301\u0301\u0301", "ﷺ", "a.b", "\u0958", "x@y", "a  b", "ﬃ.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, rule := range []func(string) (string, string){CleanName, CleanTitle} {
			name, code := rule(s)
			if (name == "") != (code != "") {
				t.Fatalf("%q gives %q and %q", s, name, code)
			}
			if code != "" {
				continue
			}
			if again, code := rule(name); again != name || code != "" {
				t.Fatalf("%q is clean as %q, but that as %q, %q", s, name, again, code)
			}
			if n := len([]rune(name)); n > MaxNameRunes || strings.ContainsAny(name, "@\n\r\t\u202e\u200b") || strings.TrimSpace(name) != name {
				t.Fatalf("%q passed as %q", s, name)
			}
		}
	})
}

func TestInvitedWithoutANameAreNamedAfterTheirAddress(t *testing.T) {
	for in, want := range map[string]string{"ana.puig@example.org": "Ana Puig", "m_svensson99@example.org": "M Svensson", "42@example.org": ""} {
		a, ok := ParseAddress(in)
		if got := nameFrom(a); !ok || got != want {
			t.Errorf("nameFrom(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDevicesAreNamedCrudely(t *testing.T) {
	for in, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0":                                                                  "Firefox, Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0":               "Edge, Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15":                      "Safari, macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1": "Safari, iPhone",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36":                            "Chrome, Android",
		"": "", "x": "", "curl/8": "curl", strings.Repeat("x", 2000) + "Firefox/1": "", "<script>Firefox/1 Linux": "Firefox, Linux",
	} {
		if got := DeviceOf(in); got != want {
			t.Errorf("DeviceOf(%.40q) = %q, want %q", in, got, want)
		}
	}
}

func TestNetworksAreHouseholds(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.1": "192.0.2.0/24", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(in)); got != want {
			t.Errorf("network(%s) = %s, want %s", in, got, want)
		}
	}
	if got := network(netip.Addr{}); got != "unknown" {
		t.Errorf("no address is %q", got)
	}
}

var noon = instant.Of(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))

func TestFormStampsAreYoungButNotTooYoung(t *testing.T) {
	k, other := keyring{[]byte("a")}, keyring{[]byte("b")}
	stamp := newStamp(k, noon)
	for _, c := range []struct {
		name string
		f    Form
		k    keyring
		at   time.Duration
		want string
	}{
		{"two seconds are enough", Form{Stamp: stamp}, k, 2 * time.Second, ""},
		{"an hour is not too long", Form{Stamp: stamp}, k, time.Hour, ""},
		{"a robot is faster", Form{Stamp: stamp}, k, 2*time.Second - 1000, "signup.form_fast"},
		{"a stamp from the future", Form{Stamp: stamp}, k, -time.Minute, "signup.form_fast"},
		{"a form left open", Form{Stamp: stamp}, k, time.Hour + time.Second, "signup.form_stale"},
		{"another instance's stamp", Form{Stamp: stamp}, other, time.Minute, "signup.form_stale"},
		{"no stamp", Form{}, k, time.Minute, "signup.form_stale"},
		{"an edited stamp", Form{Stamp: newStamp(k, noon.Add(time.Minute))[:12] + stamp[12:]}, k, time.Minute, "signup.form_stale"},
		{"a filled trap", Form{Stamp: stamp, Trap: "x"}, k, time.Minute, "signup.robot"},
	} {
		got := ""
		if err := checkForm(c.k, c.f, noon.Add(c.at)); err != nil {
			got = fault.CodeOf(err)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// solve finds a proof of work as the page's script does.
func solve(stamp string) string {
	for i := 0; ; i++ {
		if w := strconv.Itoa(i); WorkDone(stamp, w) {
			return w
		}
	}
}

func TestProofOfWorkBelongsToItsStamp(t *testing.T) {
	a, b := newStamp(keyring{[]byte("k")}, noon), newStamp(keyring{[]byte("k")}, noon)
	w := solve(a)
	if !WorkDone(a, w) || WorkDone(b, w) && WorkDone(newStamp(keyring{}, noon), w) {
		t.Errorf("work %s does not belong to its stamp", w)
	}
	if WorkDone(a, "") || WorkDone(a, strings.Repeat("0", 33)) {
		t.Error("empty or endless work passes")
	}
}

func TestMACsOfDifferentPartsDiffer(t *testing.T) {
	k := keyring{[]byte("k")}
	seen := []string{k.mac("p", "ab", "c"), k.mac("p", "a", "bc"), k.mac("pa", "b", "c"), k.mac("p", "ab", "c", ""), keyring{[]byte("l")}.mac("p", "ab", "c")}
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n != 5 {
		t.Errorf("%d different MACs of 5 lists", n)
	}
}

// Any sequence of arrivals: never more than limit admitted in any window, and waiting as told always helps.
func TestRatesHoldInEveryWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SampledFrom([]rate{mailsHour, mailsDay, signUpNetwork, stampUses}).Draw(t, "rule")
		var slots []slotHits
		var admitted []instant.Instant
		hit := func(now instant.Instant) {
			admitted = append(admitted, now)
			if n := len(slots); n > 0 && slots[n-1].slot == r.slotOf(now) {
				slots[n-1].hits++
				return
			}
			slots = append(slots, slotHits{r.slotOf(now), 1})
		}
		now := noon
		for range rapid.IntRange(1, 60).Draw(t, "arrivals") {
			// Around the edges of slots and windows is where a sloppy count is wrong.
			edge := rapid.SampledFrom([]time.Duration{0, r.slot, r.window - r.slot, r.window}).Draw(t, "edge")
			now = now.Add(max(0, edge+time.Duration(rapid.Int64Range(-int64(r.slot), int64(r.slot)).Draw(t, "off"))))
			wait := r.wait(slots, r.limit, now)
			if wait == 0 {
				hit(now)
				continue
			}
			if wait < 0 || wait > r.window+r.slot {
				t.Fatalf("told to wait %s", wait)
			}
			if again := r.wait(slots, r.limit, now.Add(wait)); again != 0 {
				t.Fatalf("told to wait %s, then %s more", wait, again)
			}
		}
		for i := range admitted {
			n := int64(0)
			for _, at := range admitted[i:] {
				if at.Sub(admitted[i]) < r.window {
					n++
				}
			}
			if n > r.limit {
				t.Fatalf("%d hits within %s of %s, limit %d", n, r.window, admitted[i], r.limit)
			}
		}
	})
}
