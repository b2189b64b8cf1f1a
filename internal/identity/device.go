// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import "strings"

// DeviceOf names browser and system out of a User-Agent header, crudely, as "Firefox, Linux": enough for a
// person to recognise their own devices, too little to tell two people apart. "" when nothing is known. The
// header itself is never kept.
func DeviceOf(userAgent string) string {
	if len(userAgent) > 1000 {
		userAgent = userAgent[:1000]
	}
	browser := firstOf(userAgent, [][2]string{ // more special ones first: each claims to be its ancestors too
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chromium/", "Chromium"},
		{"Chrome/", "Chrome"}, {"Version/", "Safari"}, {"curl/", "curl"},
	})
	system := firstOf(userAgent, [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"},
		{"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"},
	})
	switch {
	case browser == "":
		return system
	case system == "":
		return browser
	}
	return browser + ", " + system
}

func firstOf(s string, marks [][2]string) string {
	for _, m := range marks {
		if strings.Contains(s, m[0]) {
			return m[1]
		}
	}
	return ""
}
