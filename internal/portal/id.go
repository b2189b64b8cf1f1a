// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "net/http"

func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }
