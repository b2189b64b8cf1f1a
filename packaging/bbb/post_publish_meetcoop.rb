#!/usr/bin/ruby
# frozen_string_literal: true

# SPDX-License-Identifier: AGPL-3.0-or-later
#
# BigBlueButton runs what lies in /usr/local/bigbluebutton/core/scripts/post_publish after it has published a format:
#   post_publish_meetcoop.rb -m RECORD [-f FORMAT]
# It starts meetcoop_upload.sh and waits no longer than the upload takes; a failure does not hold up the recording.
require 'optparse'

record = nil
format = nil
OptionParser.new do |o|
  o.on('-m RECORD') { |v| record = v }
  o.on('-f FORMAT') { |v| format = v }
end.parse!(ARGV)
abort 'no record' unless record&.match?(/\A[0-9A-Za-z][0-9A-Za-z_-]{0,127}\z/)
abort 'no format' unless format.nil? || format.match?(/\A[a-z][a-z0-9_-]{0,31}\z/)

upload = ENV.fetch('MEETCOOP_UPLOAD', '/usr/local/bin/meetcoop_upload.sh')
system(upload, *[record, format].compact)
exit 0
