BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE alembic_version_foci (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_foci_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version_foci" VALUES('0001');
CREATE TABLE calls (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	plugin VARCHAR NOT NULL, 
	room_id VARCHAR NOT NULL, 
	hook VARCHAR NOT NULL, 
	event_id VARCHAR, 
	sender VARCHAR, 
	arguments TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	CONSTRAINT calls_once_an_event UNIQUE (plugin, hook, event_id)
);
INSERT INTO "calls" VALUES(9,'foci','!left:x.org','room_left',NULL,NULL,'{}',1795953585000);
INSERT INTO "calls" VALUES(10,'foci','!ops:x.org','held','$held','@ops:example.org','{"target":"$under-way","key":"\ud83d\udc40"}',1795953585000);
INSERT INTO "calls" VALUES(11,'foci','!ops:x.org','reacted','$ack-waits','@ops:example.org','{"about":"focus:resolving.example.org@1795943760.000","key":"\ud83d\udc4d"}',1795953585000);
CREATE TABLE foci_changes (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	server VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	kind VARCHAR NOT NULL, 
	endpoint VARCHAR NOT NULL, 
	"before" TEXT NOT NULL, 
	"after" TEXT NOT NULL
);
INSERT INTO "foci_changes" VALUES(1,'shared.org',1795521620.0,'changed','absent','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://spare.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}');
INSERT INTO "foci_changes" VALUES(2,'shared.org',1795523880.0,'changed','absent','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://spare.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}');
INSERT INTO "foci_changes" VALUES(3,'silent.org',1795782660.0,'changed','absent','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://silent.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://silent.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}');
INSERT INTO "foci_changes" VALUES(4,'alternating.org',1795951200.0,'changed','absent','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}');
INSERT INTO "foci_changes" VALUES(5,'alternating.org',1795951520.0,'changed','absent','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}');
INSERT INTO "foci_changes" VALUES(6,'alternating.org',1795951860.0,'alternates','unknown','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}');
CREATE TABLE foci_concerns (
	server VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	origin VARCHAR NOT NULL, 
	since FLOAT NOT NULL, 
	ended_at FLOAT, 
	PRIMARY KEY (server, "key", since)
);
INSERT INTO "foci_concerns" VALUES('shared.org','cert:shared.example.org:443','certificate',1795435220.0,NULL);
INSERT INTO "foci_concerns" VALUES('shared.org','cert:shared.org:443','certificate',1795435220.0,NULL);
INSERT INTO "foci_concerns" VALUES('shared.org','discovery:shared.org','own',1795435220.0,NULL);
INSERT INTO "foci_concerns" VALUES('shared.org','focus:https://shared.example.org:443/jwt','list',1795435220.0,NULL);
INSERT INTO "foci_concerns" VALUES('also-shared.org','cert:also-shared.org:443','certificate',1795435240.0,NULL);
INSERT INTO "foci_concerns" VALUES('also-shared.org','cert:shared.example.org:443','certificate',1795435240.0,NULL);
INSERT INTO "foci_concerns" VALUES('also-shared.org','discovery:also-shared.org','own',1795435240.0,NULL);
INSERT INTO "foci_concerns" VALUES('also-shared.org','focus:https://shared.example.org:443/jwt','list',1795435240.0,NULL);
INSERT INTO "foci_concerns" VALUES('resolving.org','cert:resolving.example.org:443','certificate',1795435260.0,NULL);
INSERT INTO "foci_concerns" VALUES('resolving.org','cert:resolving.org:443','certificate',1795435260.0,NULL);
INSERT INTO "foci_concerns" VALUES('resolving.org','discovery:resolving.org','own',1795435260.0,NULL);
INSERT INTO "foci_concerns" VALUES('resolving.org','focus:https://resolving.example.org:443/jwt','list',1795435260.0,NULL);
INSERT INTO "foci_concerns" VALUES('flapping.org','cert:flapping.example.org:443','certificate',1795435280.0,NULL);
INSERT INTO "foci_concerns" VALUES('flapping.org','cert:flapping.org:443','certificate',1795435280.0,NULL);
INSERT INTO "foci_concerns" VALUES('flapping.org','discovery:flapping.org','own',1795435280.0,NULL);
INSERT INTO "foci_concerns" VALUES('flapping.org','focus:https://flapping.example.org:443/jwt','list',1795435280.0,NULL);
INSERT INTO "foci_concerns" VALUES('ending.org','cert:ending.example.org:443','certificate',1795435300.0,NULL);
INSERT INTO "foci_concerns" VALUES('ending.org','cert:ending.org:443','certificate',1795435300.0,NULL);
INSERT INTO "foci_concerns" VALUES('ending.org','discovery:ending.org','own',1795435300.0,NULL);
INSERT INTO "foci_concerns" VALUES('ending.org','focus:https://ending.example.org:443/jwt','list',1795435300.0,NULL);
INSERT INTO "foci_concerns" VALUES('pending.org','cert:pending.example.org:443','certificate',1795435320.0,NULL);
INSERT INTO "foci_concerns" VALUES('pending.org','cert:pending.org:443','certificate',1795435320.0,NULL);
INSERT INTO "foci_concerns" VALUES('pending.org','discovery:pending.org','own',1795435320.0,NULL);
INSERT INTO "foci_concerns" VALUES('pending.org','focus:https://pending.example.org:443/jwt','list',1795435320.0,NULL);
INSERT INTO "foci_concerns" VALUES('unclear.org','cert:unclear.example.org:443','certificate',1795435340.0,NULL);
INSERT INTO "foci_concerns" VALUES('unclear.org','cert:unclear.org:443','certificate',1795435340.0,NULL);
INSERT INTO "foci_concerns" VALUES('unclear.org','discovery:unclear.org','own',1795435340.0,NULL);
INSERT INTO "foci_concerns" VALUES('unclear.org','focus:https://unclear.example.org:443/jwt','list',1795435340.0,NULL);
INSERT INTO "foci_concerns" VALUES('unread.org','cert:unread.example.org:443','certificate',1795435360.0,NULL);
INSERT INTO "foci_concerns" VALUES('unread.org','cert:unread.org:443','certificate',1795435360.0,NULL);
INSERT INTO "foci_concerns" VALUES('unread.org','discovery:unread.org','own',1795435360.0,NULL);
INSERT INTO "foci_concerns" VALUES('unread.org','focus:https://unread.example.org:443/jwt','list',1795435360.0,NULL);
INSERT INTO "foci_concerns" VALUES('deep.org','cert:deep.example.org:443','certificate',1795435380.0,NULL);
INSERT INTO "foci_concerns" VALUES('deep.org','cert:deep.org:443','certificate',1795435380.0,NULL);
INSERT INTO "foci_concerns" VALUES('deep.org','discovery:deep.org','own',1795435380.0,NULL);
INSERT INTO "foci_concerns" VALUES('deep.org','focus:https://deep.example.org:443/jwt','list',1795435380.0,NULL);
INSERT INTO "foci_concerns" VALUES('waiting.org','cert:rtc.example.org:443','certificate',1795435400.0,NULL);
INSERT INTO "foci_concerns" VALUES('waiting.org','cert:two.example.org:443','certificate',1795435400.0,NULL);
INSERT INTO "foci_concerns" VALUES('waiting.org','cert:waiting.org:443','certificate',1795435400.0,NULL);
INSERT INTO "foci_concerns" VALUES('waiting.org','discovery:waiting.org','own',1795435400.0,NULL);
INSERT INTO "foci_concerns" VALUES('waiting.org','focus:https://rtc.example.org:443/jwt','list',1795435400.0,NULL);
INSERT INTO "foci_concerns" VALUES('waiting.org','focus:https://two.example.org:443/jwt','list',1795435400.0,NULL);
INSERT INTO "foci_concerns" VALUES('unconfirmed.org','cert:rtc.example.org:443','certificate',1795435420.0,NULL);
INSERT INTO "foci_concerns" VALUES('unconfirmed.org','cert:two.example.org:443','certificate',1795435420.0,NULL);
INSERT INTO "foci_concerns" VALUES('unconfirmed.org','cert:unconfirmed.org:443','certificate',1795435420.0,NULL);
INSERT INTO "foci_concerns" VALUES('unconfirmed.org','discovery:unconfirmed.org','own',1795435420.0,NULL);
INSERT INTO "foci_concerns" VALUES('unconfirmed.org','focus:https://rtc.example.org:443/jwt','list',1795435420.0,NULL);
INSERT INTO "foci_concerns" VALUES('unconfirmed.org','focus:https://two.example.org:443/jwt','list',1795435420.0,NULL);
INSERT INTO "foci_concerns" VALUES('alternating.org','cert:alternating.org:443','certificate',1795435440.0,NULL);
INSERT INTO "foci_concerns" VALUES('alternating.org','cert:rtc.example.org:443','certificate',1795435440.0,NULL);
INSERT INTO "foci_concerns" VALUES('alternating.org','discovery:alternating.org','own',1795435440.0,NULL);
INSERT INTO "foci_concerns" VALUES('alternating.org','focus:https://rtc.example.org:443/jwt','list',1795435440.0,NULL);
INSERT INTO "foci_concerns" VALUES('silent.org','cert:silent.example.org:443','certificate',1795435460.0,NULL);
INSERT INTO "foci_concerns" VALUES('silent.org','cert:silent.org:443','certificate',1795435460.0,NULL);
INSERT INTO "foci_concerns" VALUES('silent.org','cert:two.example.org:443','certificate',1795435460.0,NULL);
INSERT INTO "foci_concerns" VALUES('silent.org','discovery:silent.org','own',1795435460.0,NULL);
INSERT INTO "foci_concerns" VALUES('silent.org','focus:https://silent.example.org:443/jwt','list',1795435460.0,NULL);
INSERT INTO "foci_concerns" VALUES('silent.org','focus:https://two.example.org:443/jwt','list',1795435460.0,NULL);
INSERT INTO "foci_concerns" VALUES('own-room.org','cert:own-room.org:443','certificate',1795435480.0,NULL);
INSERT INTO "foci_concerns" VALUES('own-room.org','cert:shared.example.org:443','certificate',1795435480.0,NULL);
INSERT INTO "foci_concerns" VALUES('own-room.org','discovery:own-room.org','own',1795435480.0,NULL);
INSERT INTO "foci_concerns" VALUES('own-room.org','focus:https://shared.example.org:443/jwt','list',1795435480.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','cert:rtc.example.org:443','certificate',1795435500.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','cert:x.org:443','certificate',1795435500.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','discovery:x.org','own',1795435500.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','drift:x.org','own',1795435500.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','focus:https://rtc.example.org:443/jwt','list',1795435500.0,NULL);
INSERT INTO "foci_concerns" VALUES('gone.org','cert:gone.example.org:443','certificate',1795435520.0,1795524200.0);
INSERT INTO "foci_concerns" VALUES('gone.org','cert:gone.org:443','certificate',1795435520.0,1795524200.0);
INSERT INTO "foci_concerns" VALUES('gone.org','discovery:gone.org','own',1795435520.0,1795524200.0);
INSERT INTO "foci_concerns" VALUES('gone.org','focus:https://gone.example.org:443/jwt','list',1795435520.0,1795524200.0);
INSERT INTO "foci_concerns" VALUES('shared.org','cert:spare.example.org:443','certificate',1795523880.0,NULL);
INSERT INTO "foci_concerns" VALUES('shared.org','focus:https://spare.example.org:443/jwt','list',1795523880.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','cert:two.example.org:443','certificate',1795944360.0,NULL);
INSERT INTO "foci_concerns" VALUES('x.org','focus:https://two.example.org:443/jwt','endpoint',1795944360.0,NULL);
INSERT INTO "foci_concerns" VALUES('alternating.org','cert:two.example.org:443','certificate',1795951200.0,NULL);
INSERT INTO "foci_concerns" VALUES('alternating.org','focus:https://two.example.org:443/jwt','list',1795951200.0,NULL);
CREATE TABLE foci_hosts (
	host VARCHAR NOT NULL, 
	answered_at FLOAT, 
	looked_at FLOAT, 
	trouble_since FLOAT, 
	PRIMARY KEY (host)
);
INSERT INTO "foci_hosts" VALUES('flapping.example.org',NULL,1795952780.0,1795945360.0);
INSERT INTO "foci_hosts" VALUES('flapping.org',1795952780.0,1795952780.0,NULL);
INSERT INTO "foci_hosts" VALUES('unclear.example.org',NULL,1795952820.0,1795944340.0);
INSERT INTO "foci_hosts" VALUES('unclear.org',1795952820.0,1795952820.0,NULL);
INSERT INTO "foci_hosts" VALUES('rtc.example.org',1795953585.0,1795953585.0,NULL);
INSERT INTO "foci_hosts" VALUES('two.example.org',1795953585.0,1795953585.0,NULL);
INSERT INTO "foci_hosts" VALUES('alternating.org',1795952880.0,1795952880.0,NULL);
INSERT INTO "foci_hosts" VALUES('x.org',1795952940.0,1795952940.0,NULL);
INSERT INTO "foci_hosts" VALUES('shared.org',1795952720.0,1795952720.0,NULL);
INSERT INTO "foci_hosts" VALUES('spare.example.org',1795952720.0,1795952720.0,NULL);
INSERT INTO "foci_hosts" VALUES('also-shared.org',1795952740.0,1795952740.0,NULL);
INSERT INTO "foci_hosts" VALUES('resolving.org',1795952760.0,1795952760.0,NULL);
INSERT INTO "foci_hosts" VALUES('ending.example.org',1795952800.0,1795952800.0,NULL);
INSERT INTO "foci_hosts" VALUES('ending.org',1795952800.0,1795952800.0,NULL);
INSERT INTO "foci_hosts" VALUES('deep.org',1795952860.0,1795952860.0,NULL);
INSERT INTO "foci_hosts" VALUES('silent.org',1795952900.0,1795952900.0,NULL);
INSERT INTO "foci_hosts" VALUES('own-room.org',1795953540.0,1795953540.0,NULL);
INSERT INTO "foci_hosts" VALUES('pending.org',1795953140.0,1795953140.0,NULL);
INSERT INTO "foci_hosts" VALUES('unconfirmed.org',1795953500.0,1795953500.0,NULL);
INSERT INTO "foci_hosts" VALUES('waiting.org',1795953585.0,1795953585.0,NULL);
CREATE TABLE foci_incidents (
	subject VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	state TEXT NOT NULL, 
	next_at FLOAT, 
	PRIMARY KEY (subject), 
	UNIQUE (name)
);
INSERT INTO "foci_incidents" VALUES('focus:shared.example.org','focus:shared.example.org@1795781720.000','{"subject":"focus:shared.example.org","opened_at":1795781720.0,"members":{"focus:https://shared.example.org:443/jwt":{"kind":"fired","key":"focus:https://shared.example.org:443/jwt","at":1795781720.0,"since":1795781420.0,"cause":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"checks":3,"last_good":1795781380.0,"flaps":1,"ended":null,"expires":null}},"rooms":{"!new:x.org":{"members":{"focus:https://shared.example.org:443/jwt":{"servers":["also-shared.org","own-room.org"],"since":null,"owed":false}},"told_at":1795953520.0,"posts":3,"acknowledgements":[]},"!ops:x.org":{"members":{"focus:https://shared.example.org:443/jwt":{"servers":["also-shared.org","own-room.org","shared.org"],"since":null,"owed":false}},"told_at":1795781720.0,"posts":4,"acknowledgements":[{"event_id":"$ack-shared","user_id":"@ops:example.org"}]},"!second:x.org":{"members":{"focus:https://shared.example.org:443/jwt":{"servers":["shared.org"],"since":null,"owed":false}},"told_at":1795781720.0,"posts":2,"acknowledgements":[]}},"past":{"!refusing:x.org":{"posts":2,"acknowledgements":[],"members":{"focus:https://shared.example.org:443/jwt":{"servers":["shared.org"],"since":null,"owed":false}}}},"evidence":{"focus:https://shared.example.org:443/jwt":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-27 12:15:20 UTC."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://shared.example.org/jwt"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Text":{"text":"address: ok, 1 ms - 192.0.2.1"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"connect: failed, 1 ms - connection refused on 192.0.2.1:443"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"tls: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"http: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"authorisation: skipped - an earlier stage failed"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Code":{"text":"connect-refused"}},{"Text":{"text":": connection refused on 192.0.2.1:443. See that shared.example.org listens there and that no firewall drops or refuses its port."}}]}}]}}}}',1795996720.0);
INSERT INTO "foci_incidents" VALUES('focus:deep.example.org','focus:deep.example.org@1795782180.000','{"subject":"focus:deep.example.org","opened_at":1795782180.0,"members":{"focus:https://deep.example.org:443/jwt":{"kind":"fired","key":"focus:https://deep.example.org:443/jwt","at":1795782180.0,"since":1795781580.0,"cause":{"code":"signalling-failed","detail":"HTTP 401","outage":true},"checks":3,"last_good":1795781280.0,"flaps":1,"ended":null,"expires":null}},"rooms":{"!second:x.org":{"members":{"focus:https://deep.example.org:443/jwt":{"servers":["deep.org"],"since":null,"owed":false}},"told_at":1795953520.0,"posts":3,"acknowledgements":[]}},"past":{},"evidence":{"focus:https://deep.example.org:443/jwt":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-27 12:23:00 UTC."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://deep.example.org/jwt"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Text":{"text":"address: ok, 1 ms - 192.0.2.1"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"connect: ok, 1 ms - connected to 192.0.2.1"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"tls: ok, 1 ms - TLSv1.3, certificate valid until 2027-01-11"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"http: ok, 1 ms - HTTP 400"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"authorisation: ok, 1 ms - the authorisation service answers"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"token: ok, 1 ms - a token"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"signalling: failed, 1 ms - HTTP 401"}}]}}]],"start":1}}]}}}}',1795996720.0);
INSERT INTO "foci_incidents" VALUES('cert:ending.example.org:443','cert:ending.example.org:443@1795782620.000','{"subject":"cert:ending.example.org:443","opened_at":1795782620.0,"members":{"cert:ending.example.org:443":{"kind":"nearer","key":"cert:ending.example.org:443","at":1795942900.0,"since":1795782620.0,"cause":{"code":"tls-expiring","detail":"","outage":false},"checks":0,"last_good":null,"flaps":1,"ended":null,"expires":1796515200.0}},"rooms":{"!ops:x.org":{"members":{"cert:ending.example.org:443":{"servers":["ending.org"],"since":null,"owed":false}},"told_at":1795942900.0,"posts":3,"acknowledgements":[]}},"past":{},"evidence":{}}',NULL);
INSERT INTO "foci_incidents" VALUES('cert:silent.example.org:443','cert:silent.example.org:443@1795782640.000','{"subject":"cert:silent.example.org:443","opened_at":1795782640.0,"members":{"cert:silent.example.org:443":{"kind":"nearer","key":"cert:silent.example.org:443","at":1795782740.0,"since":1795782640.0,"cause":{"code":"tls-expiring","detail":"","outage":false},"checks":0,"last_good":null,"flaps":1,"ended":null,"expires":1796301120.0}},"rooms":{"!ops:x.org":{"members":{"cert:silent.example.org:443":{"servers":["silent.org"],"since":null,"owed":true}},"told_at":1795782640.0,"posts":2,"acknowledgements":[]}},"past":{},"evidence":{}}',NULL);
INSERT INTO "foci_incidents" VALUES('focus:silent.example.org','focus:silent.example.org@1795943660.000','{"subject":"focus:silent.example.org","opened_at":1795943660.0,"members":{"focus:https://silent.example.org:443/jwt":{"kind":"fired","key":"focus:https://silent.example.org:443/jwt","at":1795943660.0,"since":1795943060.0,"cause":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"checks":3,"last_good":1795782780.0,"flaps":1,"ended":null,"expires":null}},"rooms":{},"past":{},"evidence":{"focus:https://silent.example.org:443/jwt":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-29 09:14:20 UTC."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://silent.example.org/jwt"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Text":{"text":"address: ok, 1 ms - 192.0.2.1"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"connect: failed, 1 ms - connection refused on 192.0.2.1:443"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"tls: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"http: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"authorisation: skipped - an earlier stage failed"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Code":{"text":"connect-refused"}},{"Text":{"text":": connection refused on 192.0.2.1:443. See that silent.example.org listens there and that no firewall drops or refuses its port."}}]}}]}}}}',NULL);
INSERT INTO "foci_incidents" VALUES('focus:resolving.example.org','focus:resolving.example.org@1795943760.000','{"subject":"focus:resolving.example.org","opened_at":1795943760.0,"members":{"focus:https://resolving.example.org:443/jwt":{"kind":"fired","key":"focus:https://resolving.example.org:443/jwt","at":1795943760.0,"since":1795943160.0,"cause":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"checks":3,"last_good":1795942860.0,"flaps":1,"ended":null,"expires":null}},"rooms":{"!ops:x.org":{"members":{"focus:https://resolving.example.org:443/jwt":{"servers":["resolving.org"],"since":null,"owed":false}},"told_at":1795943760.0,"posts":2,"acknowledgements":[]}},"past":{},"evidence":{"focus:https://resolving.example.org:443/jwt":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-29 09:16:00 UTC."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://resolving.example.org/jwt"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Text":{"text":"address: ok, 1 ms - 192.0.2.1"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"connect: failed, 1 ms - connection refused on 192.0.2.1:443"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"tls: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"http: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"authorisation: skipped - an earlier stage failed"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Code":{"text":"connect-refused"}},{"Text":{"text":": connection refused on 192.0.2.1:443. See that resolving.example.org listens there and that no firewall drops or refuses its port."}}]}}]}}}}',1795986960.0);
INSERT INTO "foci_incidents" VALUES('discovery:unread.org','discovery:unread.org@1795943860.000','{"subject":"discovery:unread.org","opened_at":1795943860.0,"members":{"discovery:unread.org":{"kind":"fired","key":"discovery:unread.org","at":1795943860.0,"since":1795943260.0,"cause":{"code":"well-known-http-status","detail":"HTTP 503","outage":false},"checks":3,"last_good":1795942960.0,"flaps":1,"ended":null,"expires":null}},"rooms":{"!ops:x.org":{"members":{"discovery:unread.org":{"servers":["unread.org"],"since":null,"owed":false}},"told_at":1795943860.0,"posts":2,"acknowledgements":[]}},"past":{},"evidence":{"discovery:unread.org":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-29 09:17:40 UTC, in a check of unread.org."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://unread.org/.well-known/matrix/client"}},{"Text":{"text":": HTTP 503, 4 ms"}},{"Text":{"text":"."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"well-known-http-status"}},{"Text":{"text":": The well-known of unread.org answers HTTP 503 instead of 200. Let https://unread.org/.well-known/matrix/client answer 200 with the JSON document."}}]}}]}}}}',1795987060.0);
INSERT INTO "foci_incidents" VALUES('drift:x.org','drift:x.org@1795944480.000','{"subject":"drift:x.org","opened_at":1795944480.0,"members":{"drift:x.org":{"kind":"fired","key":"drift:x.org","at":1795944480.0,"since":1795944360.0,"cause":{"code":"transports-disagree","detail":"the transports endpoint lists other foci than the well-known","outage":false},"checks":3,"last_good":1795944300.0,"flaps":1,"ended":null,"expires":null}},"rooms":{"!ops:x.org":{"members":{"drift:x.org":{"servers":["x.org"],"since":null,"owed":false}},"told_at":1795944480.0,"posts":2,"acknowledgements":[]}},"past":{},"evidence":{"drift:x.org":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-29 09:28:00 UTC, in a check of x.org."}}]}},{"Paragraph":{"parts":[{"Text":{"text":"The well-known lists 1:"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Code":{"text":"https://rtc.example.org/jwt"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Text":{"text":"The transports endpoint lists 1:"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Code":{"text":"https://two.example.org/jwt"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Code":{"text":"transports-disagree"}},{"Text":{"text":": The transports endpoint and the well-known list different foci; callers may miss each other. Make both lists the same."}}]}}]}}}}',1795987680.0);
INSERT INTO "foci_incidents" VALUES('unclear focus:unclear.example.org','unclear focus:unclear.example.org@1795944780.000','{"subject":"unclear focus:unclear.example.org","opened_at":1795944780.0,"members":{"focus:https://unclear.example.org:443/jwt":{"kind":"uncheckable","key":"focus:https://unclear.example.org:443/jwt","at":1795944780.0,"since":1795944340.0,"cause":{"code":"dns-failure","detail":"the resolver failed","outage":true},"checks":9,"last_good":1795944140.0,"flaps":1,"ended":null,"expires":null}},"rooms":{"!ops:x.org":{"members":{"focus:https://unclear.example.org:443/jwt":{"servers":["unclear.org"],"since":null,"owed":false}},"told_at":1795944780.0,"posts":2,"acknowledgements":[]}},"past":{},"evidence":{"focus:https://unclear.example.org:443/jwt":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-29 09:33:00 UTC."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://unclear.example.org/jwt"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Text":{"text":"address: failed, 1 ms - the resolver failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"connect: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"tls: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"http: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"authorisation: skipped - an earlier stage failed"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Code":{"text":"dns-failure"}},{"Text":{"text":": the resolver failed. Check the name servers and DNSSEC of unclear.example.org; try again."}}]}}]}}}}',NULL);
INSERT INTO "foci_incidents" VALUES('focus:flapping.example.org','focus:flapping.example.org@1795944960.000','{"subject":"focus:flapping.example.org","opened_at":1795944960.0,"members":{"focus:https://flapping.example.org:443/jwt":{"kind":"flapping","key":"focus:https://flapping.example.org:443/jwt","at":1795944960.0,"since":1795944440.0,"cause":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"checks":3,"last_good":1795944800.0,"flaps":3,"ended":null,"expires":null}},"rooms":{"!ops:x.org":{"members":{"focus:https://flapping.example.org:443/jwt":{"servers":["flapping.org"],"since":null,"owed":false}},"told_at":1795944960.0,"posts":2,"acknowledgements":[]}},"past":{},"evidence":{"focus:https://flapping.example.org:443/jwt":{"Document":{"blocks":[{"Paragraph":{"parts":[{"Text":{"text":"Seen at 2026-11-29 09:36:00 UTC."}}]}},{"Paragraph":{"parts":[{"Code":{"text":"https://flapping.example.org/jwt"}}]}},{"OrderedList":{"items":[[{"Paragraph":{"parts":[{"Text":{"text":"address: ok, 1 ms - 192.0.2.1"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"connect: failed, 1 ms - connection refused on 192.0.2.1:443"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"tls: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"http: skipped - an earlier stage failed"}}]}}],[{"Paragraph":{"parts":[{"Text":{"text":"authorisation: skipped - an earlier stage failed"}}]}}]],"start":1}},{"Paragraph":{"parts":[{"Code":{"text":"connect-refused"}},{"Text":{"text":": connection refused on 192.0.2.1:443. See that flapping.example.org listens there and that no firewall drops or refuses its port."}}]}}]}}}}',1795988160.0);
CREATE TABLE foci_notes (
	name VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "foci_notes" VALUES('suspicion','{"since":null,"told":false,"ended_at":1795609600.0,"calm_since":1795609600.0,"answering_since":1795953500.0}');
INSERT INTO "foci_notes" VALUES('pruned_at','1795953585.0');
CREATE TABLE foci_outages (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" VARCHAR NOT NULL, 
	start FLOAT NOT NULL, 
	ended_at FLOAT, 
	code VARCHAR NOT NULL, 
	detail TEXT NOT NULL
);
INSERT INTO "foci_outages" VALUES(1,'focus:https://shared.example.org:443/jwt',1795521620.0,1795522920.0,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(2,'focus:https://gone.example.org:443/jwt',1795521940.0,1795523220.0,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(3,'focus:https://shared.example.org:443/jwt',1795781420.0,NULL,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(4,'focus:https://deep.example.org:443/jwt',1795781580.0,NULL,'signalling-failed','HTTP 401');
INSERT INTO "foci_outages" VALUES(5,'focus:https://silent.example.org:443/jwt',1795943060.0,NULL,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(6,'focus:https://resolving.example.org:443/jwt',1795943160.0,NULL,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(7,'discovery:unread.org',1795943260.0,NULL,'well-known-http-status','HTTP 503');
INSERT INTO "foci_outages" VALUES(8,'focus:https://flapping.example.org:443/jwt',1795944320.0,1795944500.0,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(9,'drift:x.org',1795944360.0,NULL,'transports-disagree','the transports endpoint lists other foci than the well-known');
INSERT INTO "foci_outages" VALUES(10,'focus:https://flapping.example.org:443/jwt',1795944580.0,1795944760.0,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(11,'focus:https://flapping.example.org:443/jwt',1795944840.0,1795945020.0,'connect-refused','connection refused on 192.0.2.1:443');
INSERT INTO "foci_outages" VALUES(12,'focus:https://flapping.example.org:443/jwt',1795945100.0,1795945280.0,'connect-refused','connection refused on 192.0.2.1:443');
CREATE TABLE foci_rooms (
	room_id VARCHAR NOT NULL, 
	replaced_by VARCHAR, 
	suspended_at FLOAT, 
	PRIMARY KEY (room_id)
);
INSERT INTO "foci_rooms" VALUES('!ops:x.org',NULL,NULL);
INSERT INTO "foci_rooms" VALUES('!second:x.org',NULL,NULL);
INSERT INTO "foci_rooms" VALUES('!refusing:x.org',NULL,1795782640.0);
INSERT INTO "foci_rooms" VALUES('!old:x.org','!new:x.org',NULL);
INSERT INTO "foci_rooms" VALUES('!new:x.org',NULL,NULL);
CREATE TABLE foci_servers (
	server VARCHAR NOT NULL, 
	watched_since FLOAT NOT NULL, 
	due_at FLOAT, 
	confirm_at FLOAT, 
	list_state TEXT, 
	copy TEXT, 
	verdict VARCHAR, 
	summary TEXT, 
	checked_at FLOAT, 
	deep_at FLOAT, 
	unconfirmed BOOLEAN NOT NULL, 
	PRIMARY KEY (server)
);
INSERT INTO "foci_servers" VALUES('deep.org',1795435200.0,1795953460.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://deep.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://deep.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://deep.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952860.0,"mute":false}','warning','clients up to Element Call 0.23 and Element X find a focus that answers; Element Call 0.24 and later finds none.',1795952860.0,NULL,0);
INSERT INTO "foci_servers" VALUES('own-room.org',1795435200.0,1795953840.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://own-room.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795953540.0,"mute":false}','critical','focus 1, where clients go first: connection refused on 192.0.2.1:443.',1795953540.0,NULL,0);
INSERT INTO "foci_servers" VALUES('shared.org',1795435200.0,1795952840.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://spare.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://spare.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":1795523880.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":1795523900.0}','{"url":"https://shared.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952720.0,"mute":false}','critical','focus 1, where clients go first: connection refused on 192.0.2.1:443; Element Call up to 0.19 still finds a focus that answers.',1795952720.0,NULL,0);
INSERT INTO "foci_servers" VALUES('also-shared.org',1795435200.0,1795953040.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://shared.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://also-shared.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952740.0,"mute":false}','critical','focus 1, where clients go first: connection refused on 192.0.2.1:443.',1795952740.0,NULL,0);
INSERT INTO "foci_servers" VALUES('resolving.org',1795435200.0,1795952880.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://resolving.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://resolving.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://resolving.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952760.0,"mute":false}','critical','focus 1, where clients go first: connection refused on 192.0.2.1:443.',1795952760.0,NULL,0);
INSERT INTO "foci_servers" VALUES('flapping.org',1795435200.0,1795952880.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://flapping.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://flapping.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://flapping.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952780.0,"mute":false}','critical','focus 1, where clients go first: connection refused on 192.0.2.1:443.',1795952780.0,NULL,0);
INSERT INTO "foci_servers" VALUES('ending.org',1795435200.0,1795953100.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://ending.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://ending.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://ending.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952800.0,"mute":false}','warning','clients up to Element Call 0.23 and Element X find a focus that answers; Element Call 0.24 and later finds none.',1795952800.0,NULL,0);
INSERT INTO "foci_servers" VALUES('pending.org',1795435200.0,1795953240.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://pending.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://pending.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://pending.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795953140.0,"mute":false}','critical','focus 1, where clients go first: connection refused on 192.0.2.1:443.',1795953140.0,NULL,0);
INSERT INTO "foci_servers" VALUES('unclear.org',1795435200.0,1795953120.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://unclear.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://unclear.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://unclear.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952820.0,"mute":false}','unknown','could not be judged from here: focus 1, where clients go first: the resolver failed.',1795952820.0,NULL,0);
INSERT INTO "foci_servers" VALUES('unread.org',1795435200.0,1795953140.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://unread.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://unread.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://unread.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952840.0,"mute":false}','critical','The well-known of unread.org answers HTTP 503 instead of 200.',1795952840.0,NULL,0);
INSERT INTO "foci_servers" VALUES('waiting.org',1795435200.0,1795953885.0,1795953605.0,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate_since":1795953585.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":1795953585.0}','{"url":"https://waiting.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795953585.0,"mute":false}','warning','clients up to Element Call 0.23 and Element X find a focus that answers; Element Call 0.24 and later finds none.',1795953585.0,NULL,1);
INSERT INTO "foci_servers" VALUES('unconfirmed.org',1795435200.0,1795953800.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate_since":1795953500.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":1795953500.0}',NULL,'warning','clients up to Element Call 0.23 and Element X find a focus that answers; Element Call 0.24 and later finds none.',1795953500.0,NULL,1);
INSERT INTO "foci_servers" VALUES('alternating.org',1795435200.0,1795953180.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":1795952160.0,"missing":0,"endpoint":"absent","changes":[1795951540.0,1795951860.0,1795952180.0],"alternating_since":1795951860.0,"restless_at":1795952180.0}','{"url":"https://alternating.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952880.0,"mute":false}','warning','clients up to Element Call 0.23 and Element X find a focus that answers; Element Call 0.24 and later finds none.',1795952880.0,NULL,0);
INSERT INTO "foci_servers" VALUES('silent.org',1795435200.0,1795953200.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://silent.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://silent.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://silent.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":1795782660.0,"missing":0,"endpoint":"absent","changes":[],"alternating_since":null,"restless_at":1795782680.0}','{"url":"https://silent.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952900.0,"mute":false}','warning','clients up to Element Call 0.23 and Element X find a focus that answers; Element Call 0.24 and later finds none; focus 2 is broken.',1795952900.0,NULL,0);
INSERT INTO "foci_servers" VALUES('x.org',1795435200.0,1795953240.0,NULL,'{"current":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"previous":null,"announced":{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}"],"value":null},"candidate":null,"candidate_since":0.0,"missing":0,"endpoint":"present","changes":[],"alternating_since":null,"restless_at":0.0}','{"url":"https://x.org/.well-known/matrix/client","body":"{}","headers":{"etag":["\"1\""]},"fetched_at":1795952940.0,"mute":false}','warning','every known client finds a focus that answers.',1795952940.0,NULL,0);
CREATE TABLE foci_silences (
	room_id VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	until FLOAT NOT NULL, 
	author VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	PRIMARY KEY (room_id, target)
);
INSERT INTO "foci_silences" VALUES('!ops:x.org','silent.example.org',1796126400.0,'@ops:example.org','renewal is planned');
INSERT INTO "foci_silences" VALUES('!ops:x.org','silent.org',1796040000.0,'@ann:x.org','moving house – “soon”');
INSERT INTO "foci_silences" VALUES('!second:x.org','shared.org',1795964400.0,'@ops:example.org','');
INSERT INTO "foci_silences" VALUES('!new:x.org','rtc.example.org:8443',1796040000.0,'@bob:x.org','another port');
CREATE TABLE foci_states (
	"key" VARCHAR NOT NULL, 
	state TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "foci_states" VALUES('discovery:shared.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609220.0,"last_good":1795952720.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 531","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://shared.example.org:443/jwt','{"condition":"firing","bad":21,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795781420.0,"last_bad":1795953540.0,"last_good":1795781380.0,"recovering_since":null,"fired_at":1795781720.0,"firings":[],"spell":null,"flaps":1,"turned_at":1795781720.0,"told":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"told_at":1795781720.0,"unclear":false,"noticed_at":null,"probe":"check 546","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:also-shared.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609240.0,"last_good":1795952740.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 532","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:resolving.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609260.0,"last_good":1795952760.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 533","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://resolving.example.org:443/jwt','{"condition":"firing","bad":5,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795943160.0,"last_bad":1795952760.0,"last_good":1795942860.0,"recovering_since":null,"fired_at":1795943760.0,"firings":[],"spell":null,"flaps":1,"turned_at":1795943760.0,"told":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"told_at":1795943760.0,"unclear":false,"noticed_at":null,"probe":"check 533","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:flapping.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609280.0,"last_good":1795952780.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 534","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://flapping.example.org:443/jwt','{"condition":"pending","bad":1,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795952780.0,"last_bad":1795952780.0,"last_good":1795945320.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":1795944440.0,"flaps":4,"turned_at":1795945320.0,"told":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"told_at":1795945220.0,"unclear":false,"noticed_at":null,"probe":"check 534","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:ending.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609300.0,"last_good":1795952800.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 535","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://ending.example.org:443/jwt','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":null,"last_good":1795952800.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 535","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:pending.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609320.0,"last_good":1795953140.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 544","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://pending.example.org:443/jwt','{"condition":"pending","bad":2,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795953040.0,"last_bad":1795953140.0,"last_good":1795944120.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 544","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:unclear.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609340.0,"last_good":1795952820.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 536","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://unclear.example.org:443/jwt','{"condition":"ok","bad":0,"good":0,"unknown":21,"unknown_since":1795944340.0,"first_bad":null,"last_bad":null,"last_good":1795944140.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":true,"noticed_at":1795944780.0,"probe":"check 536","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:unread.org','{"condition":"firing","bad":5,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795943260.0,"last_bad":1795952840.0,"last_good":1795942960.0,"recovering_since":null,"fired_at":1795943860.0,"firings":[],"spell":null,"flaps":1,"turned_at":1795943860.0,"told":{"code":"well-known-http-status","detail":"HTTP 503","outage":false},"told_at":1795943860.0,"unclear":false,"noticed_at":null,"probe":"check 537","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://unread.example.org:443/jwt','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":null,"last_good":1795942960.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 404","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:deep.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609380.0,"last_good":1795952860.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 538","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://deep.example.org:443/jwt','{"condition":"firing","bad":10,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795781580.0,"last_bad":1795952860.0,"last_good":1795781280.0,"recovering_since":null,"fired_at":1795782180.0,"firings":[],"spell":null,"flaps":1,"turned_at":1795782180.0,"told":{"code":"signalling-failed","detail":"HTTP 401","outage":true},"told_at":1795782180.0,"unclear":false,"noticed_at":null,"probe":"check 538","deep":{"stage":"signalling","at":1795952860.0}}');
INSERT INTO "foci_states" VALUES('discovery:waiting.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609400.0,"last_good":1795953585.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 547","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://rtc.example.org:443/jwt','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":null,"last_good":1795953585.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 547","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://two.example.org:443/jwt','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":null,"last_good":1795953585.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 547","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:unconfirmed.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609420.0,"last_good":1795953500.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 545","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:alternating.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609440.0,"last_good":1795952880.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 539","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:silent.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609460.0,"last_good":1795952900.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 540","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://silent.example.org:443/jwt','{"condition":"firing","bad":6,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795943060.0,"last_bad":1795952900.0,"last_good":1795782780.0,"recovering_since":null,"fired_at":1795943660.0,"firings":[],"spell":null,"flaps":1,"turned_at":1795943660.0,"told":{"code":"connect-refused","detail":"connection refused on 192.0.2.1:443","outage":true},"told_at":1795943660.0,"unclear":false,"noticed_at":null,"probe":"check 540","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:own-room.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609480.0,"last_good":1795953540.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 546","deep":null}');
INSERT INTO "foci_states" VALUES('discovery:x.org','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":1795609500.0,"last_good":1795952940.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 542","deep":null}');
INSERT INTO "foci_states" VALUES('drift:x.org','{"condition":"firing","bad":13,"good":0,"unknown":0,"unknown_since":null,"first_bad":1795944360.0,"last_bad":1795952940.0,"last_good":1795944300.0,"recovering_since":null,"fired_at":1795944480.0,"firings":[],"spell":null,"flaps":1,"turned_at":1795944480.0,"told":{"code":"transports-disagree","detail":"the transports endpoint lists other foci than the well-known","outage":false},"told_at":1795944480.0,"unclear":false,"noticed_at":null,"probe":"check 542","deep":null}');
INSERT INTO "foci_states" VALUES('focus:https://spare.example.org:443/jwt','{"condition":"ok","bad":0,"good":0,"unknown":0,"unknown_since":null,"first_bad":null,"last_bad":null,"last_good":1795952720.0,"recovering_since":null,"fired_at":null,"firings":[],"spell":null,"flaps":0,"turned_at":0.0,"told":{"code":"","detail":"","outage":true},"told_at":0.0,"unclear":false,"noticed_at":null,"probe":"check 531","deep":null}');
INSERT INTO "foci_states" VALUES('cert:ending.example.org:443','{"told":[["f31ebd00680b8d57",7]],"open_since":1795782620.0,"expires":1796515200.0,"renewed":0}');
INSERT INTO "foci_states" VALUES('cert:silent.example.org:443','{"told":[["2d120ace21caba78",14],["dd5172080c8c4f87",7]],"open_since":1795782640.0,"expires":1796301120.0,"renewed":0}');
CREATE TABLE foci_watches (
	room_id VARCHAR NOT NULL, 
	server VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	interval FLOAT, 
	deep BOOLEAN NOT NULL, 
	ignored TEXT NOT NULL, 
	author VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	weighed BOOLEAN NOT NULL, 
	PRIMARY KEY (room_id, server, source)
);
INSERT INTO "foci_watches" VALUES('!second:x.org','shared.org','config',120.0,0,'["cors-missing-on-service","slow"]','',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!second:x.org','deep.org','config',600.0,1,'[]','',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','shared.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','also-shared.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','resolving.org','room',120.0,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','flapping.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','ending.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','pending.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','unclear.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','unread.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','waiting.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','unconfirmed.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','alternating.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','silent.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','x.org','room',NULL,0,'[]','@ops:example.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!refusing:x.org','shared.org','room',NULL,0,'[]','@ann:x.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!refusing:x.org','pending.org','room',NULL,0,'[]','@ann:x.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!new:x.org','also-shared.org','room',900.0,0,'[]','@bob:x.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!new:x.org','alternating.org','room',NULL,0,'[]','@bob:x.org',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!new:x.org','own-room.org','config',NULL,0,'[]','',1795435200.0,1);
INSERT INTO "foci_watches" VALUES('!ops:x.org','own-room.org','room',NULL,0,'[]','@ops:example.org',1795953520.0,1);
CREATE TABLE foci_withheld (
	room_id VARCHAR NOT NULL, 
	server VARCHAR NOT NULL, 
	snapshot TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	alternated_at FLOAT, 
	PRIMARY KEY (room_id, server)
);
INSERT INTO "foci_withheld" VALUES('!ops:x.org','silent.org','{"shape":"list","key":"org.matrix.msc4143.rtc_foci","entries":["{\"livekit_service_url\":\"https://silent.example.org/jwt\",\"type\":\"livekit\"}","{\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}"],"value":null}',1795782660.0,NULL);
CREATE TABLE inbox (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	event_id VARCHAR NOT NULL, 
	room_id VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	received_at BIGINT NOT NULL, 
	UNIQUE (event_id)
);
INSERT INTO "inbox" VALUES(1,'$done','!ops:x.org','{"event_id":"$done","room_id":"!ops:x.org","sender":"@ops:example.org","body":"!foci watches","formatted_body":null,"mentions":[],"reply_to":null,"reply_author":null,"thread_root":null,"sent_at":1795953591000,"encrypted":true}','done',1,1795953585000);
INSERT INTO "inbox" VALUES(2,'$asked','!ops:x.org','{"event_id":"$asked","room_id":"!ops:x.org","sender":"@ops:example.org","body":"!foci history shared.org","formatted_body":"<b>!foci</b> history shared.org","mentions":["@foci:x.org"],"reply_to":"$event1","reply_author":"@foci:x.org","thread_root":null,"sent_at":1795953591000,"encrypted":true}','pending',1,1795953585000);
INSERT INTO "inbox" VALUES(3,'$waits','!new:x.org','{"event_id":"$waits","room_id":"!new:x.org","sender":"@ops:example.org","body":"!foci watches","formatted_body":null,"mentions":[],"reply_to":null,"reply_author":null,"thread_root":"$event2","sent_at":1795953591000,"encrypted":false}','pending',0,1795953585000);
INSERT INTO "inbox" VALUES(4,'$locked','!ops:x.org','{"type":"m.room.encrypted","event_id":"$locked","sender":"@ops:example.org","content":{"algorithm":"m.megolm.v1.aes-sha2","session_id":"s"}}','locked',0,1795953585000);
INSERT INTO "inbox" VALUES(5,'$dropped','!second:x.org','{"event_id":"$dropped","room_id":"!second:x.org","sender":"@ops:example.org","body":"!foci watches","formatted_body":null,"mentions":[],"reply_to":null,"reply_author":null,"thread_root":null,"sent_at":1795953591000,"encrypted":true}','dropped',1,1795953585000);
CREATE TABLE letters (
	event_id VARCHAR NOT NULL, 
	seq BIGINT NOT NULL, 
	room_id VARCHAR NOT NULL, 
	plugin VARCHAR NOT NULL, 
	about VARCHAR NOT NULL, 
	anchor BOOLEAN NOT NULL, 
	sent_at BIGINT NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO "letters" VALUES('$event1',1,'!ops:x.org','foci','list:shared.org@1795521620.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event2',2,'!ops:x.org','foci','list:shared.org@1795521620.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event9',9,'!ops:x.org','foci','focus:shared.example.org@1795521960.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event10',10,'!ops:x.org','foci','focus:shared.example.org@1795521960.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event15',15,'!ops:x.org','foci','focus:gone.example.org@1795522580.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event16',16,'!ops:x.org','foci','focus:gone.example.org@1795522580.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event5',5,'!second:x.org','foci','list:shared.org@1795521620.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event6',6,'!second:x.org','foci','list:shared.org@1795521620.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event13',13,'!second:x.org','foci','focus:shared.example.org@1795521960.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event14',14,'!second:x.org','foci','focus:shared.example.org@1795521960.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event3',3,'!refusing:x.org','foci','list:shared.org@1795521620.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event4',4,'!refusing:x.org','foci','list:shared.org@1795521620.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event11',11,'!refusing:x.org','foci','focus:shared.example.org@1795521960.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event12',12,'!refusing:x.org','foci','focus:shared.example.org@1795521960.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event7',7,'!old:x.org','foci','focus:shared.example.org@1795521960.000',1,1795522900000);
INSERT INTO "letters" VALUES('$event8',8,'!old:x.org','foci','focus:shared.example.org@1795521960.000',0,1795522900000);
INSERT INTO "letters" VALUES('$event19',19,'!ops:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event20',20,'!ops:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event25',25,'!ops:x.org','foci','focus:gone.example.org@1795522580.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event26',26,'!ops:x.org','foci','focus:gone.example.org@1795522580.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event23',23,'!second:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event24',24,'!second:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event21',21,'!refusing:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event22',22,'!refusing:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event17',17,'!old:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event18',18,'!old:x.org','foci','focus:shared.example.org@1795521960.000',0,1795523860000);
INSERT INTO "letters" VALUES('$event27',27,'!ops:x.org','foci','list:shared.org@1795523880.000',1,1795524200000);
INSERT INTO "letters" VALUES('$event28',28,'!ops:x.org','foci','list:shared.org@1795523880.000',0,1795524200000);
INSERT INTO "letters" VALUES('$event31',31,'!second:x.org','foci','list:shared.org@1795523880.000',1,1795524200000);
INSERT INTO "letters" VALUES('$event32',32,'!second:x.org','foci','list:shared.org@1795523880.000',0,1795524200000);
INSERT INTO "letters" VALUES('$event29',29,'!refusing:x.org','foci','list:shared.org@1795523880.000',1,1795524200000);
INSERT INTO "letters" VALUES('$event30',30,'!refusing:x.org','foci','list:shared.org@1795523880.000',0,1795524200000);
INSERT INTO "letters" VALUES('$event34',34,'!ops:x.org','foci','self@1795608800.000',1,1795610700000);
INSERT INTO "letters" VALUES('$event39',39,'!ops:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event40',40,'!ops:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event36',36,'!second:x.org','foci','self@1795608800.000',1,1795610700000);
INSERT INTO "letters" VALUES('$event43',43,'!second:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event44',44,'!second:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event35',35,'!refusing:x.org','foci','self@1795608800.000',1,1795610700000);
INSERT INTO "letters" VALUES('$event41',41,'!refusing:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event42',42,'!refusing:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event33',33,'!old:x.org','foci','self@1795608800.000',1,1795610700000);
INSERT INTO "letters" VALUES('$event37',37,'!old:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event38',38,'!old:x.org','foci','self@1795608800.000',0,1795610700000);
INSERT INTO "letters" VALUES('$event47',47,'!ops:x.org','foci','focus:shared.example.org@1795781720.000',1,1795782600000);
INSERT INTO "letters" VALUES('$event48',48,'!ops:x.org','foci','focus:shared.example.org@1795781720.000',0,1795782600000);
INSERT INTO "letters" VALUES('$event51',51,'!second:x.org','foci','focus:shared.example.org@1795781720.000',1,1795782600000);
INSERT INTO "letters" VALUES('$event52',52,'!second:x.org','foci','focus:shared.example.org@1795781720.000',0,1795782600000);
INSERT INTO "letters" VALUES('$event53',53,'!second:x.org','foci','focus:deep.example.org@1795782180.000',1,1795782600000);
INSERT INTO "letters" VALUES('$event54',54,'!second:x.org','foci','focus:deep.example.org@1795782180.000',0,1795782600000);
INSERT INTO "letters" VALUES('$event49',49,'!refusing:x.org','foci','focus:shared.example.org@1795781720.000',1,1795782600000);
INSERT INTO "letters" VALUES('$event50',50,'!refusing:x.org','foci','focus:shared.example.org@1795781720.000',0,1795782600000);
INSERT INTO "letters" VALUES('$event45',45,'!new:x.org','foci','focus:shared.example.org@1795781720.000',1,1795782600000);
INSERT INTO "letters" VALUES('$event46',46,'!new:x.org','foci','focus:shared.example.org@1795781720.000',0,1795782600000);
INSERT INTO "letters" VALUES('$event55',55,'!ops:x.org','foci','focus:shared.example.org@1795781720.000',0,1795782600000);
INSERT INTO "letters" VALUES('$event56',56,'!ops:x.org','foci','cert:ending.example.org:443@1795782620.000',1,1795782640000);
INSERT INTO "letters" VALUES('$event57',57,'!ops:x.org','foci','cert:silent.example.org:443@1795782640.000',1,1795782640000);
INSERT INTO "letters" VALUES('$event58',58,'!ops:x.org','foci','suspended:!refusing:x.org@1795782640.000',1,1795782640000);
INSERT INTO "letters" VALUES('$event59',59,'!ops:x.org','foci','cert:silent.example.org:443@1795782640.000',0,1795782840000);
INSERT INTO "letters" VALUES('$event60',60,'!ops:x.org','foci','cert:ending.example.org:443@1795782620.000',0,1795944300000);
INSERT INTO "letters" VALUES('$event61',61,'!ops:x.org','foci','cert:ending.example.org:443@1795782620.000',0,1795944300000);
INSERT INTO "letters" VALUES('$event62',62,'!ops:x.org','foci','focus:resolving.example.org@1795943760.000',1,1795944300000);
INSERT INTO "letters" VALUES('$event63',63,'!ops:x.org','foci','focus:resolving.example.org@1795943760.000',0,1795944300000);
INSERT INTO "letters" VALUES('$event64',64,'!ops:x.org','foci','discovery:unread.org@1795943860.000',1,1795944300000);
INSERT INTO "letters" VALUES('$event65',65,'!ops:x.org','foci','discovery:unread.org@1795943860.000',0,1795944300000);
INSERT INTO "letters" VALUES('$event66',66,'!ops:x.org','foci','focus:flapping.example.org@1795944440.000',1,1795945400000);
INSERT INTO "letters" VALUES('$event67',67,'!ops:x.org','foci','focus:flapping.example.org@1795944440.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event68',68,'!ops:x.org','foci','drift:x.org@1795944480.000',1,1795945400000);
INSERT INTO "letters" VALUES('$event69',69,'!ops:x.org','foci','drift:x.org@1795944480.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event70',70,'!ops:x.org','foci','focus:flapping.example.org@1795944440.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event71',71,'!ops:x.org','foci','focus:flapping.example.org@1795944440.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event72',72,'!ops:x.org','foci','focus:flapping.example.org@1795944700.000',1,1795945400000);
INSERT INTO "letters" VALUES('$event73',73,'!ops:x.org','foci','focus:flapping.example.org@1795944700.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event74',74,'!ops:x.org','foci','unclear focus:unclear.example.org@1795944780.000',1,1795945400000);
INSERT INTO "letters" VALUES('$event75',75,'!ops:x.org','foci','unclear focus:unclear.example.org@1795944780.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event76',76,'!ops:x.org','foci','focus:flapping.example.org@1795944700.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event77',77,'!ops:x.org','foci','focus:flapping.example.org@1795944700.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event78',78,'!ops:x.org','foci','focus:flapping.example.org@1795944960.000',1,1795945400000);
INSERT INTO "letters" VALUES('$event79',79,'!ops:x.org','foci','focus:flapping.example.org@1795944960.000',0,1795945400000);
INSERT INTO "letters" VALUES('$event82',82,'!ops:x.org','foci','list:alternating.org@1795951200.000',1,1795952180000);
INSERT INTO "letters" VALUES('$event83',83,'!ops:x.org','foci','list:alternating.org@1795951200.000',0,1795952180000);
INSERT INTO "letters" VALUES('$event86',86,'!ops:x.org','foci','list:alternating.org@1795951520.000',1,1795952180000);
INSERT INTO "letters" VALUES('$event87',87,'!ops:x.org','foci','list:alternating.org@1795951520.000',0,1795952180000);
INSERT INTO "letters" VALUES('$event90',90,'!ops:x.org','foci','alternates:alternating.org@1795951860.000',1,1795952180000);
INSERT INTO "letters" VALUES('$event91',91,'!ops:x.org','foci','alternates:alternating.org@1795951860.000',0,1795952180000);
INSERT INTO "letters" VALUES('$event80',80,'!new:x.org','foci','list:alternating.org@1795951200.000',1,1795952180000);
INSERT INTO "letters" VALUES('$event81',81,'!new:x.org','foci','list:alternating.org@1795951200.000',0,1795952180000);
INSERT INTO "letters" VALUES('$event84',84,'!new:x.org','foci','list:alternating.org@1795951520.000',1,1795952180000);
INSERT INTO "letters" VALUES('$event85',85,'!new:x.org','foci','list:alternating.org@1795951520.000',0,1795952180000);
INSERT INTO "letters" VALUES('$event88',88,'!new:x.org','foci','alternates:alternating.org@1795951860.000',1,1795952180000);
INSERT INTO "letters" VALUES('$event89',89,'!new:x.org','foci','alternates:alternating.org@1795951860.000',0,1795952180000);
CREATE TABLE outbox (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	room_id VARCHAR NOT NULL, 
	txn_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	content TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	attempted BOOLEAN NOT NULL, 
	event_id VARCHAR, 
	created_at BIGINT NOT NULL, plugin VARCHAR, about VARCHAR, placement VARCHAR, attachment BLOB, attempted_at BIGINT, attempted_by VARCHAR, 
	UNIQUE (txn_id)
);
INSERT INTO "outbox" VALUES(80,'!new:x.org','foci8802df94943796a1fd10c7535f2fc644d0196aab','m.room.message','{"msgtype":"m.text","body":"\u26a0\ufe0f alternating.org changed its foci list at 11:20 UTC: https://rtc.example.org/jwt was replaced by https://two.example.org/jwt. Clients now use https://two.example.org/jwt.","format":"org.matrix.custom.html","formatted_body":"\u26a0\ufe0f <b>alternating.org</b> changed its foci list at 11:20 UTC: <code>https://rtc.example.org/jwt</code> was replaced by <code>https://two.example.org/jwt</code>. Clients now use <code>https://two.example.org/jwt</code>.","m.mentions":{}}','sent',1,'$event80',1795951220000,'foci','list:alternating.org@1795951200.000','new',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(81,'!new:x.org','focic41fd3583b621d4e013134a74ad4dcb7f5631f52','m.room.message','{"msgtype":"m.notice","body":"Before, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}\n]\nNow, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}\n]","format":"org.matrix.custom.html","formatted_body":"Before, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://rtc.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>Now, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://two.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>","m.mentions":{}}','sent',1,'$event81',1795951220000,'foci','list:alternating.org@1795951200.000','thread',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(82,'!ops:x.org','foci45c577a7c56273e474c41517f4fdfde735b3fb89','m.room.message','{"msgtype":"m.text","body":"\u26a0\ufe0f alternating.org changed its foci list at 11:20 UTC: https://rtc.example.org/jwt was replaced by https://two.example.org/jwt. Clients now use https://two.example.org/jwt.","format":"org.matrix.custom.html","formatted_body":"\u26a0\ufe0f <b>alternating.org</b> changed its foci list at 11:20 UTC: <code>https://rtc.example.org/jwt</code> was replaced by <code>https://two.example.org/jwt</code>. Clients now use <code>https://two.example.org/jwt</code>.","m.mentions":{}}','sent',1,'$event82',1795951220000,'foci','list:alternating.org@1795951200.000','new',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(83,'!ops:x.org','foci413aa44469256c9a1ececafa76bde2998259213b','m.room.message','{"msgtype":"m.notice","body":"Before, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}\n]\nNow, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}\n]","format":"org.matrix.custom.html","formatted_body":"Before, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://rtc.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>Now, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://two.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>","m.mentions":{}}','sent',1,'$event83',1795951220000,'foci','list:alternating.org@1795951200.000','thread',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(84,'!new:x.org','foci6233d7290c7e1070e4c8d10daba800d744b6cc7a','m.room.message','{"msgtype":"m.text","body":"\u26a0\ufe0f alternating.org changed its foci list at 11:25 UTC: https://two.example.org/jwt was replaced by https://rtc.example.org/jwt. Clients now use https://rtc.example.org/jwt.","format":"org.matrix.custom.html","formatted_body":"\u26a0\ufe0f <b>alternating.org</b> changed its foci list at 11:25 UTC: <code>https://two.example.org/jwt</code> was replaced by <code>https://rtc.example.org/jwt</code>. Clients now use <code>https://rtc.example.org/jwt</code>.","m.mentions":{}}','sent',1,'$event84',1795951540000,'foci','list:alternating.org@1795951520.000','new',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(85,'!new:x.org','focicdf78864d092a5f595235830ea3674c2463f9acb','m.room.message','{"msgtype":"m.notice","body":"Before, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}\n]\nNow, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}\n]","format":"org.matrix.custom.html","formatted_body":"Before, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://two.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>Now, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://rtc.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>","m.mentions":{}}','sent',1,'$event85',1795951540000,'foci','list:alternating.org@1795951520.000','thread',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(86,'!ops:x.org','foci981d689ceb0870a8284166cae31c81aa86bae038','m.room.message','{"msgtype":"m.text","body":"\u26a0\ufe0f alternating.org changed its foci list at 11:25 UTC: https://two.example.org/jwt was replaced by https://rtc.example.org/jwt. Clients now use https://rtc.example.org/jwt.","format":"org.matrix.custom.html","formatted_body":"\u26a0\ufe0f <b>alternating.org</b> changed its foci list at 11:25 UTC: <code>https://two.example.org/jwt</code> was replaced by <code>https://rtc.example.org/jwt</code>. Clients now use <code>https://rtc.example.org/jwt</code>.","m.mentions":{}}','sent',1,'$event86',1795951540000,'foci','list:alternating.org@1795951520.000','new',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(87,'!ops:x.org','foci3340e61fafccd8a6883d89a54766b96d70ad6a40','m.room.message','{"msgtype":"m.notice","body":"Before, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}\n]\nNow, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}\n]","format":"org.matrix.custom.html","formatted_body":"Before, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://two.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>Now, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://rtc.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>","m.mentions":{}}','sent',1,'$event87',1795951540000,'foci','list:alternating.org@1795951520.000','thread',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(88,'!new:x.org','foci60f17608de40968c54138de6c97c0d6bef924021','m.room.message','{"msgtype":"m.text","body":"\u26a0\ufe0f alternating.org publishes alternating foci lists: several changes since 11:20 UTC, the latest: https://rtc.example.org/jwt was replaced by https://two.example.org/jwt. Replicas or caches may disagree. More follows once one list has stayed for an hour.","format":"org.matrix.custom.html","formatted_body":"\u26a0\ufe0f <b>alternating.org</b> publishes alternating foci lists: several changes since 11:20 UTC, the latest: <code>https://rtc.example.org/jwt</code> was replaced by <code>https://two.example.org/jwt</code>. Replicas or caches may disagree. More follows once one list has stayed for an hour.","m.mentions":{}}','sent',1,'$event88',1795951860000,'foci','alternates:alternating.org@1795951860.000','new',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(89,'!new:x.org','foci928d5a2fbdbf3da4751732185196059eb5ad4cd3','m.room.message','{"msgtype":"m.notice","body":"Before, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}\n]\nNow, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}\n]","format":"org.matrix.custom.html","formatted_body":"Before, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://rtc.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>Now, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://two.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>","m.mentions":{}}','sent',1,'$event89',1795951860000,'foci','alternates:alternating.org@1795951860.000','thread',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(90,'!ops:x.org','foci8b31cda3a5cee3b8d46dc9669eab71107460369d','m.room.message','{"msgtype":"m.text","body":"\u26a0\ufe0f alternating.org publishes alternating foci lists: several changes since 11:20 UTC, the latest: https://rtc.example.org/jwt was replaced by https://two.example.org/jwt. Replicas or caches may disagree. More follows once one list has stayed for an hour.","format":"org.matrix.custom.html","formatted_body":"\u26a0\ufe0f <b>alternating.org</b> publishes alternating foci lists: several changes since 11:20 UTC, the latest: <code>https://rtc.example.org/jwt</code> was replaced by <code>https://two.example.org/jwt</code>. Replicas or caches may disagree. More follows once one list has stayed for an hour.","m.mentions":{}}','sent',1,'$event90',1795951860000,'foci','alternates:alternating.org@1795951860.000','new',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(91,'!ops:x.org','focid6303ccea8016270668480a9efd12735fc35d765','m.room.message','{"msgtype":"m.notice","body":"Before, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://rtc.example.org/jwt\",\"type\":\"livekit\"}\n]\nNow, under org.matrix.msc4143.rtc_foci:\n[\n  {\"livekit_service_url\":\"https://two.example.org/jwt\",\"type\":\"livekit\"}\n]","format":"org.matrix.custom.html","formatted_body":"Before, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://rtc.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>Now, under <code>org.matrix.msc4143.rtc_foci</code>:<pre><code>[\n  {&quot;livekit_service_url&quot;:&quot;https://two.example.org/jwt&quot;,&quot;type&quot;:&quot;livekit&quot;}\n]</code></pre>","m.mentions":{}}','sent',1,'$event91',1795951860000,'foci','alternates:alternating.org@1795951860.000','thread',NULL,1795952180000,'DEVICE');
INSERT INTO "outbox" VALUES(92,'!second:x.org','foci6a92be184e9ecbe01e713f7cfcd140ba345d4e03','m.room.message','{"msgtype":"m.text","body":"\u23f0 deep.example.org is still down, since 2026-11-27 12:13 UTC (1 d 23 h): HTTP 401. Affects deep.org.\nReact to any message of this incident to stop its reminders in this room.","format":"org.matrix.custom.html","formatted_body":"\u23f0 <b>deep.example.org</b> is still down, since 2026-11-27 12:13 UTC (1 d 23 h): HTTP 401. Affects deep.org.<br>React to any message of this incident to stop its reminders in this room.","m.mentions":{}}','waiting',0,NULL,1795953520000,'foci','focus:deep.example.org@1795782180.000','reply',NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(93,'!new:x.org','foci9cbeeed92f39497493f274a318c95c35db9abf49','m.room.message','{"msgtype":"m.text","body":"\u23f0 shared.example.org is still down, since 2026-11-27 12:10 UTC (1 d 23 h): connection refused on 192.0.2.1:443. Affects 2 watched servers: also-shared.org, own-room.org.\nReact to any message of this incident to stop its reminders in this room.","format":"org.matrix.custom.html","formatted_body":"\u23f0 <b>shared.example.org</b> is still down, since 2026-11-27 12:10 UTC (1 d 23 h): connection refused on 192.0.2.1:443. Affects 2 watched servers: also-shared.org, own-room.org.<br>React to any message of this incident to stop its reminders in this room.","m.mentions":{}}','waiting',0,NULL,1795953520000,'foci','focus:shared.example.org@1795781720.000','reply',NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(94,'!ops:x.org','focicad44379ef1fab6517ad052b3aec759d8a67d052','m.room.message','{"msgtype":"m.text","body":"\u274c shared.example.org is down since 2026-11-27 12:10 UTC (3 checks): connection refused on 192.0.2.1:443. Affects 3 watched servers: also-shared.org, own-room.org, shared.org.\nAcknowledged by @ops:example.org: no reminders here.","format":"org.matrix.custom.html","formatted_body":"\u274c <b>shared.example.org</b> is down since 2026-11-27 12:10 UTC (3 checks): connection refused on 192.0.2.1:443. Affects 3 watched servers: also-shared.org, own-room.org, shared.org.<br>Acknowledged by @ops:example.org: no reminders here.","m.mentions":{}}','waiting',1,NULL,1795953520000,'foci','focus:shared.example.org@1795781720.000','edit',NULL,1795953585000,'DEVICE');
INSERT INTO "outbox" VALUES(95,'!new:x.org','foci-answer','m.room.message','{"msgtype":"m.notice","body":"an answer"}','waiting',0,NULL,1795953585000,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE reactions (
	event_id VARCHAR NOT NULL, 
	room_id VARCHAR NOT NULL, 
	plugin VARCHAR NOT NULL, 
	taken_at BIGINT NOT NULL, 
	PRIMARY KEY (event_id)
);
INSERT INTO "reactions" VALUES('$ack-shared','!ops:x.org','foci',1795782600000);
CREATE TABLE rooms (
	room_id VARCHAR NOT NULL, 
	encrypted BOOLEAN NOT NULL, 
	suspended BOOLEAN NOT NULL, 
	hinted_sessions TEXT NOT NULL, 
	PRIMARY KEY (room_id)
);
INSERT INTO "rooms" VALUES('!ops:x.org',1,0,'["session"]');
INSERT INTO "rooms" VALUES('!second:x.org',0,0,'[]');
INSERT INTO "rooms" VALUES('!refusing:x.org',1,1,'[]');
INSERT INTO "rooms" VALUES('!old:x.org',0,0,'[]');
INSERT INTO "rooms" VALUES('!new:x.org',0,0,'[]');
CREATE TABLE sync_state (
	user_id VARCHAR NOT NULL, 
	device_id VARCHAR NOT NULL, 
	next_batch TEXT NOT NULL, 
	PRIMARY KEY (user_id, device_id)
);
INSERT INTO "sync_state" VALUES('@foci:x.org','DEVICE','s2');
CREATE TABLE upgrades (
	room_id VARCHAR NOT NULL, 
	event_id VARCHAR NOT NULL, 
	replacement VARCHAR NOT NULL, 
	via VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	PRIMARY KEY (room_id)
);
INSERT INTO "upgrades" VALUES('!old:x.org','$tombstone','!new:x.org','x.org','done');
INSERT INTO "upgrades" VALUES('!second:x.org','$early','!later:x.org','x.org','awaited');
CREATE INDEX inbox_by_state ON inbox (state, seq);
CREATE INDEX inbox_by_room ON inbox (room_id, state, seq);
CREATE INDEX outbox_by_room ON outbox (room_id, state, id);
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX letters_by_about ON letters (room_id, plugin, about);
CREATE INDEX letters_by_age ON letters (sent_at);
CREATE INDEX calls_by_room ON calls (room_id, plugin, seq);
CREATE INDEX foci_watches_by_server ON foci_watches (server);
CREATE INDEX foci_concerns_by_key ON foci_concerns ("key", ended_at);
CREATE INDEX foci_incidents_by_time ON foci_incidents (next_at);
CREATE INDEX foci_changes_by_server ON foci_changes (server, at);
CREATE INDEX foci_changes_by_time ON foci_changes (at);
CREATE INDEX foci_outages_by_key ON foci_outages ("key", start);
CREATE INDEX foci_outages_by_time ON foci_outages (ended_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('calls',11);
INSERT INTO "sqlite_sequence" VALUES('foci_changes',6);
INSERT INTO "sqlite_sequence" VALUES('outbox',95);
INSERT INTO "sqlite_sequence" VALUES('foci_outages',12);
INSERT INTO "sqlite_sequence" VALUES('inbox',5);
COMMIT;
