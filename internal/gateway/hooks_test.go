// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/tariff"
)

func TestHooksAreKeptPerConnection(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		other := c.Client(n, "telar", tariff.OverrideFields{})
		to := "http://127.0.0.1:9/hook?a=1&b=2"
		made := k.Must("hooks/create", "callbackURL="+url.QueryEscape(to))
		one := made.Root.Value("hookID")
		if want := "<response><returncode>SUCCESS</returncode><hookID>" + one + "</hookID><permanentHook>false</permanentHook><rawData>false</rawData></response>"; made.Body != want {
			t.Errorf("created: %s", made.Body)
		}
		again := k.Must("hooks/create", "callbackURL="+url.QueryEscape(to)+"&meetingID=coop-1")
		if want := "<response><returncode>SUCCESS</returncode><hookID>" + one + "</hookID><messageKey>duplicateWarning</messageKey><message>There is already a hook for this callback URL.</message></response>"; again.Body != want {
			t.Errorf("the same: %s", again.Body)
		}
		theirs := other.Must("hooks/create", "callbackURL="+url.QueryEscape(to)+"&getRaw=true").Root.Value("hookID")
		two := k.Must("hooks/create", "callbackURL=http%3A%2F%2F127.0.0.1%3A9%2F%5D%5D%3E&meetingID=a%5D%5D%3Eb&eventID=Meeting-Ended,%20user-joined&getRaw=true").Root.Value("hookID")
		if one == theirs || one == two || two == theirs {
			t.Errorf("numbers %s %s %s", one, two, theirs)
		}
		flags := "<permanentHook>false</permanentHook><rawData>false</rawData></hook>"
		first := "<hook><hookID>" + one + "</hookID><callbackURL><![CDATA[" + to + "]]></callbackURL>" + flags
		second := "<hook><hookID>" + two + "</hookID><callbackURL><![CDATA[http://127.0.0.1:9/]]]]><![CDATA[>]]></callbackURL><meetingID><![CDATA[a]]]]><![CDATA[>b]]></meetingID><eventID>meeting-ended,user-joined</eventID>" + flags
		for query, want := range map[string]string{"": first + second, "meetingID=a%5D%5D%3Eb": first + second, "meetingID=coop-2": first} {
			if got := k.Must("hooks/list", query); got.Body != "<response><returncode>SUCCESS</returncode><hooks>"+want+"</hooks></response>" {
				t.Errorf("%q lists %s", query, got.Body)
			}
		}
		for query, key := range map[string]string{"": "missingParamHookID", "hookID=x": "destroyMissingHook", "hookID=99999": "destroyMissingHook", "hookID=" + theirs: "destroyMissingHook"} {
			if r := k.Ask("hooks/destroy", query); r.Key() != key {
				t.Errorf("destroy %q: %s", query, r.Body)
			}
		}
		if r := k.Must("hooks/destroy", "hookID="+one); r.Body != "<response><returncode>SUCCESS</returncode><removed>true</removed></response>" {
			t.Errorf("destroyed: %s", r.Body)
		}
		if r := k.Ask("hooks/destroy", "hookID="+one); r.Key() != "destroyMissingHook" {
			t.Errorf("destroyed twice: %s", r.Body)
		}
		if r := k.Must("hooks/create", "callbackURL="+url.QueryEscape(to)); r.Root.Value("hookID") == one {
			t.Errorf("a number was given twice: %s", r.Body)
		}
		refused(t, c.Client(n, "tejido", tariff.OverrideFields{}))
	})
}

// refused has a client without hooks try what is refused.
func refused(t *testing.T, k *gatewaytest.Client) {
	t.Helper()
	if r := k.Ask("hooks/create", ""); r.Key() != "missingParamCallbackURL" {
		t.Errorf("no address: %s", r.Body)
	}
	for _, to := range []string{
		"ftp://127.0.0.1/", "//127.0.0.1/", "nonsense", "http://me@127.0.0.1/", "http://10.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/meta-data", "http://2130706433/",
		"http://0.0.0.0:80/", "http://127.0.0.1/#part", "http://127.0.0.1/" + strings.Repeat("x", 2000),
	} {
		if r := k.Ask("hooks/create", "callbackURL="+url.QueryEscape(to)); r.Key() != "createHookError" {
			t.Errorf("%s: %s", to, r.Body)
		}
	}
	for i := range 100 {
		k.Must("hooks/create", fmt.Sprintf("callbackURL=http%%3A%%2F%%2F127.0.0.1%%3A9%%2F%d", i))
	}
	if r := k.Ask("hooks/create", "callbackURL=http%3A%2F%2F127.0.0.1%3A9%2F100"); r.Key() != "createHookError" {
		t.Errorf("the 101st: %s", r.Body)
	}
	ask := func(method, to string) gatewaytest.Reply {
		req, err := http.NewRequest(method, to, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return gatewaytest.Do(t, req)
	}
	for _, call := range []string{"hooks/create", "hooks/list", "hooks/destroy"} {
		if r := ask(http.MethodPost, k.URL(call, "")); r.Status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", call, r.Status)
		}
		r := ask(http.MethodGet, k.Endpoint()+"/"+call+"?checksum="+strings.Repeat("0", 40))
		if r.Key() != "checksumError" || r.Root.Value("message") != "You did not pass the checksum security check." {
			t.Errorf("%s wrongly signed: %s", call, r.Body)
		}
	}
	if r := ask(http.MethodGet, k.Endpoint()+"/hooks/ping"); r.Status != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") || r.Body != "bbb-webhooks up!" {
		t.Errorf("ping: %d %s", r.Status, r.Body)
	}
}
