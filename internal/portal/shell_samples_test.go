// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "meetcoop/internal/fault"

var (
	_ = sampleOf("fault", "filled", func(r *Request) any {
		err := fault.New(fault.Unavailable, "page.unknown")
		return faultPage{Page: samplePage(r, "", "portal.fault.unavailable"), Message: r.P.Fault(err), Foot: r.trace(err), Actions: faultActions(r, fault.Unavailable)}
	})
	_ = sampleOf("fault", "stranger", func(r *Request) any {
		r.Visitor = Visitor{}
		err := fault.New(fault.NotFound, "page.unknown")
		return faultPage{Page: samplePage(r, "", "portal.fault.not_found"), Message: r.P.Fault(err), Foot: r.trace(err), Actions: faultActions(r, fault.NotFound)}
	})
	_ = sampleOf("components_show", "public", func(r *Request) any {
		page := sampleComponents()
		page.Page = samplePage(r, "", "portal.skip")
		return page
	})
	_ = sampleOf("components_show", "app", func(r *Request) any {
		page := sampleComponents()
		page.Page = samplePage(r, "", "portal.skip")
		sampleShell(&page.Page)
		return page
	})
	_ = sampleOf("components_show", "bare", func(r *Request) any {
		r.Visitor = Visitor{}
		page := sampleComponents()
		page.Page = samplePage(r, "", "portal.skip")
		page.Layout = LayoutBare
		return page
	})
)
