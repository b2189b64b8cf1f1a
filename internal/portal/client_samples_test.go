// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"errors"

	"meetcoop/internal/fault"
)

// What people see who come through an application and are not let in.

var (
	_ = sampleOf("client_refuse", "filled", func(r *Request) any {
		err := fault.New(fault.LimitReached, "admission.seats_full", fault.Params{"Limit": 20, "Used": 20})
		return testPortal.clientRefuseOf(stranger(r), err, "https://moodle.example/course/view.php?id=7", true)
	})
	_ = sampleOf("client_refuse", "waiting", func(r *Request) any {
		return testPortal.clientRefuseOf(stranger(r), fault.New(fault.LimitReached, "admission.seats_wait", fault.Params{"Ahead": 3}), "https://moodle.example/course/view.php?id=7", true)
	})
	_ = sampleOf("client_refuse", "empty", func(r *Request) any {
		return testPortal.clientRefuseOf(stranger(r), errors.New("unforeseen"), "", false)
	})
	_ = sampleOf("client_refuse", "crowded", func(r *Request) any {
		err := fault.New(fault.LimitReached, "admission.running_rooms", fault.Params{"Limit": 2, "Used": 2, "Member": longName})
		return testPortal.clientRefuseOf(stranger(r), err, "https://"+longWord+".example/", true)
	})
)
