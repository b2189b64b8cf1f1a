-- SPDX-License-Identifier: AGPL-3.0-or-later
-- +goose Up
-- SQLite answers a list of three or more with a table that it makes for the purpose, each time a statement runs that has to check the
-- condition: some 90 microseconds. Compared one after the other the same words cost next to none. The conditions mean what they meant, so
-- the rows need not be looked at: the way https://www.sqlite.org/lang_altertable.html (section 7) gives for changes of a CHECK.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'state IN (''ready'', ''running'', ''done'', ''parked'')',
    '(state = ''ready'' OR state = ''running'' OR state = ''done'' OR state = ''parked'')') WHERE type = 'table' AND name = 'job';
UPDATE sqlite_schema SET sql = replace(sql, 'state IN (''queued'', ''sent'', ''failed'')',
    '(state = ''queued'' OR state = ''sent'' OR state = ''failed'')') WHERE type = 'table' AND name = 'mail';
UPDATE sqlite_schema SET sql = replace(sql, 'theme IN (''system'', ''light'', ''dark'')',
    '(theme = ''system'' OR theme = ''light'' OR theme = ''dark'')') WHERE type = 'table' AND name = 'person';
UPDATE sqlite_schema SET sql = replace(sql, 'status IN (''active'', ''suspended'', ''erased'')',
    '(status = ''active'' OR status = ''suspended'' OR status = ''erased'')') WHERE type = 'table' AND name = 'person';
UPDATE sqlite_schema SET sql = replace(sql, 'purpose IN (''signup'', ''signin'', ''add_address'', ''invite'', ''step_up'', ''recover'', ''erase'')',
    '(purpose = ''signup'' OR purpose = ''signin'' OR purpose = ''add_address'' OR purpose = ''invite'' OR purpose = ''step_up'' OR purpose = ''recover'' OR purpose = ''erase'')') WHERE type = 'table' AND name = 'challenge';
UPDATE sqlite_schema SET sql = replace(sql, 'method IN (''link'', ''code'', ''operator'', ''invite'', ''passkey'', ''password'', ''idp'')',
    '(method = ''link'' OR method = ''code'' OR method = ''operator'' OR method = ''invite'' OR method = ''passkey'' OR method = ''password'' OR method = ''idp'')') WHERE type = 'table' AND name = 'session';
UPDATE sqlite_schema SET sql = replace(sql, 'actor_kind IN (''anonymous'', ''person'', ''operator'', ''system'')',
    '(actor_kind = ''anonymous'' OR actor_kind = ''person'' OR actor_kind = ''operator'' OR actor_kind = ''system'')') WHERE type = 'table' AND name = 'audit_event';
UPDATE sqlite_schema SET sql = replace(sql, 'door IN (''portal'', ''api'', ''cli'', ''scim'', ''job'', ''oidc'', ''gateway'')',
    '(door = ''portal'' OR door = ''api'' OR door = ''cli'' OR door = ''scim'' OR door = ''job'' OR door = ''oidc'' OR door = ''gateway'')') WHERE type = 'table' AND name = 'audit_event';
UPDATE sqlite_schema SET sql = replace(sql, 'kind IN (''billing'', ''technical'', ''general'')',
    '(kind = ''billing'' OR kind = ''technical'' OR kind = ''general'')') WHERE type = 'table' AND name = 'contact';
UPDATE sqlite_schema SET sql = replace(sql, 'status IN (''invited'', ''active'', ''ended'')',
    '(status = ''invited'' OR status = ''active'' OR status = ''ended'')') WHERE type = 'table' AND name = 'affiliation';
UPDATE sqlite_schema SET sql = replace(sql, 'source IN (''self'', ''invite'', ''csv'', ''link'', ''idp'', ''scim'')',
    '(source = ''self'' OR source = ''invite'' OR source = ''csv'' OR source = ''link'' OR source = ''idp'' OR source = ''scim'')') WHERE type = 'table' AND name = 'affiliation';
UPDATE sqlite_schema SET sql = replace(sql, 'role IN (''owner'', ''manager'', ''billing'', ''host'', ''member'')',
    '(role = ''owner'' OR role = ''manager'' OR role = ''billing'' OR role = ''host'' OR role = ''member'')') WHERE type = 'table' AND name = 'affiliation_role';
UPDATE sqlite_schema SET sql = replace(sql, 'source IN (''self'', ''invite'', ''csv'', ''link'', ''idp'', ''scim'')',
    '(source = ''self'' OR source = ''invite'' OR source = ''csv'' OR source = ''link'' OR source = ''idp'' OR source = ''scim'')') WHERE type = 'table' AND name = 'affiliation_role';
UPDATE sqlite_schema SET sql = replace(sql, 'hook_algorithm IN (''sha1'', ''sha256'', ''sha384'', ''sha512'')',
    '(hook_algorithm = ''sha1'' OR hook_algorithm = ''sha256'' OR hook_algorithm = ''sha384'' OR hook_algorithm = ''sha512'')') WHERE type = 'table' AND name = 'connection';
UPDATE sqlite_schema SET sql = replace(sql, 'kind IN (''chosen'', ''covered'', ''uncovered'', ''cancelled'', ''granted'', ''suspended'', ''lifted'', ''closed'')',
    '(kind = ''chosen'' OR kind = ''covered'' OR kind = ''uncovered'' OR kind = ''cancelled'' OR kind = ''granted'' OR kind = ''suspended'' OR kind = ''lifted'' OR kind = ''closed'')') WHERE type = 'table' AND name = 'standing_fact';
UPDATE sqlite_schema SET sql = replace(sql, 'kind IN (''chosen'', ''covered'', ''granted'')',
    '(kind = ''chosen'' OR kind = ''covered'' OR kind = ''granted'')') WHERE type = 'table' AND name = 'standing_fact';
UPDATE sqlite_schema SET sql = replace(sql, 'reason_kind IN (''trial'', ''solidarity'', ''paid_elsewhere'', ''work'', ''correction'')',
    '(reason_kind = ''trial'' OR reason_kind = ''solidarity'' OR reason_kind = ''paid_elsewhere'' OR reason_kind = ''work'' OR reason_kind = ''correction'')') WHERE type = 'table' AND name = 'override';
UPDATE sqlite_schema SET sql = replace(sql, 'enforcement IN (''hard'', ''create'', ''grace'')',
    '(enforcement = ''hard'' OR enforcement = ''create'' OR enforcement = ''grace'')') WHERE type = 'table' AND name = 'level';
UPDATE sqlite_schema SET sql = replace(sql, 'duration_scope IN (''meeting'', ''room'', ''member'')',
    '(duration_scope = ''meeting'' OR duration_scope = ''room'' OR duration_scope = ''member'')') WHERE type = 'table' AND name = 'level';
UPDATE sqlite_schema SET sql = replace(sql, 'may_start IN (''hosts'', ''signed_in'', ''anyone'')',
    '(may_start = ''hosts'' OR may_start = ''signed_in'' OR may_start = ''anyone'')') WHERE type = 'table' AND name = 'room';
UPDATE sqlite_schema SET sql = replace(sql, 'may_enter IN (''anyone'', ''people'', ''invited'')',
    '(may_enter = ''anyone'' OR may_enter = ''people'' OR may_enter = ''invited'')') WHERE type = 'table' AND name = 'room';
UPDATE sqlite_schema SET sql = replace(sql, 'kind IN (''started'', ''joined'', ''left'', ''refused'', ''ended'', ''peak'', ''seated'')',
    '(kind = ''started'' OR kind = ''joined'' OR kind = ''left'' OR kind = ''refused'' OR kind = ''ended'' OR kind = ''peak'' OR kind = ''seated'')') WHERE type = 'table' AND name = 'usage_fact';
UPDATE sqlite_schema SET sql = replace(sql, 'observed IN (''unknown'', ''up'', ''suspect'', ''down'')',
    '(observed = ''unknown'' OR observed = ''up'' OR observed = ''suspect'' OR observed = ''down'')') WHERE type = 'table' AND name = 'server';
UPDATE sqlite_schema SET sql = replace(sql, 'admin IN (''enabled'', ''cordoned'', ''draining'', ''disabled'')',
    '(admin = ''enabled'' OR admin = ''cordoned'' OR admin = ''draining'' OR admin = ''disabled'')') WHERE type = 'table' AND name = 'server';
UPDATE sqlite_schema SET sql = replace(sql, 'state IN (''stub'', ''reserved'', ''live'', ''detached'', ''superseded'', ''ended'', ''void'')',
    '(state = ''stub'' OR state = ''reserved'' OR state = ''live'' OR state = ''detached'' OR state = ''superseded'' OR state = ''ended'' OR state = ''void'')') WHERE type = 'table' AND name = 'meeting';
UPDATE sqlite_schema SET sql = replace(sql, 'end_reason IN ('''', ''host'', ''duration'', ''empty'', ''platform'')',
    '(end_reason = '''' OR end_reason = ''host'' OR end_reason = ''duration'' OR end_reason = ''empty'' OR end_reason = ''platform'')') WHERE type = 'table' AND name = 'meeting';
UPDATE sqlite_schema SET sql = replace(sql, 'engine IN (''cold'', ''ready'', ''down'')',
    '(engine = ''cold'' OR engine = ''ready'' OR engine = ''down'')') WHERE type = 'table' AND name = 'live_meeting';
UPDATE sqlite_schema SET sql = replace(sql, 'warned IN (0, 2, 10)', '(warned = 0 OR warned = 2 OR warned = 10)') WHERE type = 'table' AND name = 'live_meeting';
UPDATE sqlite_schema SET sql = replace(sql, 'state IN (''connecting'', ''inside'', ''away'', ''left'', ''removed'')',
    '(state = ''connecting'' OR state = ''inside'' OR state = ''away'' OR state = ''left'' OR state = ''removed'')') WHERE type = 'table' AND name = 'live_participant';
UPDATE sqlite_schema SET sql = replace(sql, 'may_chat IN ('''', ''yes'', ''no'')',
    '(may_chat = '''' OR may_chat = ''yes'' OR may_chat = ''no'')') WHERE type = 'table' AND name = 'live_participant';
UPDATE sqlite_schema SET sql = replace(sql, 'may_mic IN ('''', ''yes'', ''no'')',
    '(may_mic = '''' OR may_mic = ''yes'' OR may_mic = ''no'')') WHERE type = 'table' AND name = 'live_participant';
UPDATE sqlite_schema SET sql = replace(sql, 'may_camera IN ('''', ''yes'', ''no'')',
    '(may_camera = '''' OR may_camera = ''yes'' OR may_camera = ''no'')') WHERE type = 'table' AND name = 'live_participant';
UPDATE sqlite_schema SET sql = replace(sql, 'may_screen IN ('''', ''yes'', ''no'')',
    '(may_screen = '''' OR may_screen = ''yes'' OR may_screen = ''no'')') WHERE type = 'table' AND name = 'live_participant';
UPDATE sqlite_schema SET sql = replace(sql, 'state IN (''processing'', ''processed'', ''published'', ''unpublished'', ''deleted'')',
    '(state = ''processing'' OR state = ''processed'' OR state = ''published'' OR state = ''unpublished'' OR state = ''deleted'')') WHERE type = 'table' AND name = 'recording';
UPDATE sqlite_schema SET sql = replace(sql, 'access IN (''link'', ''protected'', ''members'')',
    '(access = ''link'' OR access = ''protected'' OR access = ''members'')') WHERE type = 'table' AND name = 'recording';
UPDATE sqlite_schema SET sql = replace(sql, 'announce IN ('''', ''expires'', ''shortened'')',
    '(announce = '''' OR announce = ''expires'' OR announce = ''shortened'')') WHERE type = 'table' AND name = 'recording';
UPDATE sqlite_schema SET sql = replace(sql, 'kind IN (''entry'', ''start'', ''door'', ''seat'', ''refused'', ''denied'')',
    '(kind = ''entry'' OR kind = ''start'' OR kind = ''door'' OR kind = ''seat'' OR kind = ''refused'' OR kind = ''denied'')') WHERE type = 'table' AND name = 'live_waiting';
PRAGMA writable_schema = RESET;

-- A new index also tells other connections to read the schema again.
DROP INDEX meeting_open;
CREATE UNIQUE INDEX meeting_open ON meeting (connection, external_id) WHERE state = 'stub' OR state = 'reserved' OR state = 'live' OR state = 'detached';
DROP INDEX meeting_open_member;
CREATE INDEX meeting_open_member ON meeting (member) WHERE state = 'stub' OR state = 'reserved' OR state = 'live' OR state = 'detached';
DROP INDEX meeting_open_server;
CREATE INDEX meeting_open_server ON meeting (server) WHERE state = 'stub' OR state = 'reserved' OR state = 'live' OR state = 'detached';
