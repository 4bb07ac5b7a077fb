//! Bad configurations and what is said of each.

/// A file, and the one line that refuses it.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("listen = ", "line 1, column 10: not valid TOML: string values must be quoted, expected literal string"),
    ("listen = 3", "listen: must be one section [listen]"),
    ("[[limits]]", "limits: must be one section [limits]"),
    ("[listn]\naddress = '127.0.0.1:1'", r#"listn: unknown section; did you mean "listen"?"#),
    ("[upstream]\nbody_bytes = 3", r#"upstream.body_bytes: unknown key; did you mean "limits.body_bytes"?"#),
    ("[limits]\nbody-bytes = 3", r#"limits.body-bytes: unknown key; did you mean "body_bytes"?"#),
    ("[limits]\nzebra = 3", "limits.zebra: unknown key"),
    ("[limits]\n\"a.b\\n\" = 3", r#"limits."a.b\n": unknown key"#),
    (
        "ledger.url = 'postgres://user:secret@host/db'",
        "ledger.url: that store is not in this version; use \"memory:\" or \"sqlite:FILE\"",
    ),
    ("ledger.url = 'file'", "ledger.url: must be \"memory:\" or \"sqlite:\" and the path of a file"),
    (
        "pricing.rate_card = 'builtin:illustrative'\n[[budget]]\nname = 'a'\nlimit = '1'\nscope = 'global'\nwindow = 'total'",
        "ledger.url: must be set where there are budgets or event sinks: \"sqlite:\" and the path of a file, or \"memory:\", which begins anew at each start",
    ),
    ("budget = 3", "budget: must be an array of tables, written [[budget]]"),
    (
        "pricing.rate_card = 'builtin:illustrative'\nidentity = { mode = 'header', header = 'x-who' }\n[[budget]]\nname = 'a'\nlimit = '1'\nscope = 3\nwindow = 'total'",
        r#"budget[0].scope: must be "global", "workspace" or "principal", not 3"#,
    ),
    (
        "pricing.rate_card = 'builtin:illustrative'\nidentity = { mode = 'header', header = 'x-who' }\n[[budget]]\nname = 'a'\nlimit = '1'\nscope = 'global'\nwindow = 'total'\ntime_zone = 3",
        r#"budget[0].time_zone: must be the name of a zone in quotes, such as "Europe/Berlin" or "UTC", not 3"#,
    ),
    (
        "pricing.rate_card = 'builtin:illustrative'\nidentity = { mode = 'header', header = 'x-who' }\n[[budget]]\nname = 'a'\nlimit = '1'\nscope = 'global'\nwindow = 'day'\ntime_zone = 3",
        r#"budget[0].time_zone: must be the name of a zone in quotes, such as "Europe/Berlin" or "UTC", not 3"#,
    ),
    (
        "pricing.rate_card = 'builtin:illustrative'\nidentity = { mode = 'header', header = 'x-who' }\n[[budget]]\nname = 'a'\nlimit = '1'\nscope = 'principal'\nmatch = 'a b'\nwindow = 'total'",
        "budget[0].match: must be a principal in quotes, 1 to 256 visible ASCII characters; leave it out to count each by itself",
    ),
    (
        "ledger.url = 'sqlite::memory:'",
        r#"ledger.url: "sqlite::memory:" would be a file called ":memory:"; use "memory:", or another name"#,
    ),
    (
        "ledger.url = 'sqlite://x.db'",
        r#"ledger.url: must have the path of a file behind "sqlite:", such as "sqlite:jobgate.db" or "sqlite:/var/lib/jobgate.db""#,
    ),
    (
        "ledger.url = 'sqlite:x.db?mode=ro'",
        r#"ledger.url: must have the path of a file behind "sqlite:", such as "sqlite:jobgate.db" or "sqlite:/var/lib/jobgate.db""#,
    ),
    (
        "ledger.url = 'sqlite:/'",
        r#"ledger.url: must have the path of a file behind "sqlite:", such as "sqlite:jobgate.db" or "sqlite:/var/lib/jobgate.db""#,
    ),
    (
        "ledger.url = 'sqlite:a/book.db'\n[[event_sink]]\nname = 's'\nfile = 'a/../a/book.db'",
        "event_sink[0].file: is the ledger's own file",
    ),
    (
        "ledger.url = 'sqlite:book.db'\n[[event_sink]]\nname = 's'\nfile = './book.db-wal'",
        "event_sink[0].file: is the ledger's own file",
    ),
    (
        "ledger.url = 'sqlite:book.db'\n[[event_sink]]\nname = 's'\nfile = 'book.db.reserve'",
        "event_sink[0].file: is the ledger's own file",
    ),
    (
        "ledger.url = 'memory:'\n[[event_sink]]\nname = 's'\nfile = 'e'\n[[event_sink]]\nname = 't'\nfile = './e'",
        "event_sink[1].file: is another sink's file, too: each event would be in it twice",
    ),
    (
        "ledger.url = 'memory:'\n[[event_sink]]\nname = 's'\nurl = 'http://a/x'\n[[event_sink]]\nname = 't'\nurl = 'http://a/x'",
        "event_sink[1].url: is another sink's url, too: each event would come to it twice",
    ),
    (
        "identity = { mode = 'header', header = 'Idempotency-Key' }",
        r#"identity.header: must be the name of a header of its own, such as "x-principal", not "Idempotency-Key""#,
    ),
    (
        "identity = { mode = 'header', header = 'x-jobgate-who' }",
        r#"identity.header: must be the name of a header of its own, such as "x-principal", not "x-jobgate-who""#,
    ),
    (
        "identity = { mode = 'header', header = 'traceparent' }",
        r#"identity.header: must be the name of a header of its own, such as "x-principal", not "traceparent""#,
    ),
    (
        "identity = { mode = 'jwt', issuer = 'a', audience = 'b', jwks_url = 'http://a' }",
        "identity.jwks_url: must start with https://, unless it is on this machine",
    ),
    (
        "identity.issuer = 'a'",
        r#"identity.issuer: is only for identity.mode "jwt"; the mode is "none", nothing would act on it"#,
    ),
    (
        "[identity]\nmode = 'header'\nheader = 'x-principal'\nscopes = ['a']",
        r#"identity.scopes: is only for identity.mode "jwt"; the mode is "header", nothing would act on it"#,
    ),
    ("identity.mode = 'header'", r#"identity.header: missing; identity.mode "header" needs it"#),
    (
        "[identity]\nmode = 'header'\nheader = 'x principal'",
        r#"identity.header: must be the name of a header of its own, such as "x-principal", not "x principal""#,
    ),
    (
        "[identity]\nmode = 'header'\nheader = 'Authorization'",
        r#"identity.header: must be the name of a header of its own, such as "x-principal", not "Authorization""#,
    ),
    ("[identity]\nmode = 'header'\nheader = ''", "identity.header: must not be empty"),
    (
        "[identity]\nmode = 'jwt'\nissuer = 'a'\naudience = 'b'",
        r#"identity.jwks_file: missing; identity.mode "jwt" needs it, or identity.jwks_url"#,
    ),
    (
        "[identity]\nmode = 'jwt'\nissuer = 'a'\naudience = 'b'\njwks_file = 'keys.json'",
        "identity.jwks_file: /nowhere/keys.json cannot be read: No such file or directory (os error 2)",
    ),
    ("identity.mode = 'x'", r#"identity.mode: must be "none", "jwt" or "header", not "x""#),
    (
        "listen.address = 'localhost:8080'",
        r#"listen.address: must be an IP address and a port such as "127.0.0.1:8080" or "[::1]:8080", not "localhost:8080""#,
    ),
    ("listen.address = 8080", "listen.address: must be a text in quotes, not 8080"),
    ("listen.h2c = 'yes'", r#"listen.h2c: must be true or false, not "yes""#),
    (
        "listen.address = '0.0.0.0:9090'",
        "admin.address: 127.0.0.1:9090 clashes with listen.address 0.0.0.0:9090; give it another port",
    ),
    (
        "listen.address = '[::1]:80'\nadmin.address = '[::]:80'",
        "admin.address: [::]:80 clashes with listen.address [::1]:80; give it another port",
    ),
    (
        "upstream.url = 'api.example.com'",
        r#"upstream.url: must be a URL that starts with https:// or http://, such as "https://api.bentley.com""#,
    ),
    ("upstream.url = 'ftp://a'", "upstream.url: must start with https:// or http://"),
    ("upstream.url = 'https://me:secret@a'", "upstream.url: must not carry a user or a password"),
    (
        "upstream.url = 'https://a/v1'",
        "upstream.url: must end after the host and port: the paths are those of the API",
    ),
    (
        "upstream.url = 'https://a?b'",
        "upstream.url: must end after the host and port: the paths are those of the API",
    ),
    ("upstream.url = 'https://'", "upstream.url: must name a host after the //"),
    ("upstream.url = 'https://:443'", "upstream.url: must name a host after the //"),
    ("upstream.url = 'https://a:'", "upstream.url: must have a port from 1 to 65535 after the colon"),
    ("upstream.url = 'https://a:0'", "upstream.url: must have a port from 1 to 65535 after the colon"),
    ("upstream.url = 'https://a:65536'", "upstream.url: must have a port from 1 to 65535 after the colon"),
    ("upstream.url = 'https://a:+1'", "upstream.url: must have a port from 1 to 65535 after the colon"),
    ("upstream.url = 'https://::1'", "upstream.url: must have its IPv6 address in brackets"),
    ("upstream.url = 'https://[::1'", "upstream.url: has a [ without its ]"),
    ("upstream.url = 'https://[::g]'", "upstream.url: has no IPv6 address between its brackets"),
    ("upstream.url = 'https://[::1]8'", "upstream.url: must have a colon and a port after the ]"),
    ("upstream.url = 'https://a b'", "upstream.url: has a host that is neither a name nor an IP address"),
    ("upstream.url = 'https://a..b'", "upstream.url: has a host that is neither a name nor an IP address"),
    (
        "upstream.url = 'https://a.'",
        "upstream.url: must not have a dot at the end of its host: no certificate names it like that",
    ),
    (
        "upstream.url = 'https://1.2.3.400'",
        "upstream.url: has a host that looks like an IPv4 address and is none",
    ),
    (
        "upstream.url = 'https://bücher.example'",
        "upstream.url: must have its host in ASCII, in the form that starts with xn--",
    ),
    (
        "upstream.connect_timeout = 3",
        r#"upstream.connect_timeout: must be a whole number with a unit, ms, s, m, h or d, such as "10s", not 3"#,
    ),
    (
        "upstream.connect_timeout = '1.5s'",
        r#"upstream.connect_timeout: must be a whole number with a unit, ms, s, m, h or d, such as "10s", not "1.5s""#,
    ),
    ("upstream.pool_idle = '0s'", r#"upstream.pool_idle: must be 1ms to 1h, not "0s""#),
    (
        "upstream.pool_idle = '99999999999999999999d'",
        r#"upstream.pool_idle: must be 1ms to 1h, not "99999999999999999999d""#,
    ),
    ("upstream.pool_size = 0", "upstream.pool_size: must be 1 to 65536, not 0"),
    ("upstream.pool_size = -1", "upstream.pool_size: must be 1 to 65536, not -1"),
    ("upstream.pool_size = 1.0", "upstream.pool_size: must be a whole number, not 1.0"),
    ("limits.body_bytes = 0", "limits.body_bytes: must be 1B to 16MiB, not 0"),
    ("limits.body_bytes = '17MiB'", r#"limits.body_bytes: must be 1B to 16MiB, not "17MiB""#),
    (
        "limits.body_bytes = '1MB'",
        r#"limits.body_bytes: must be a whole number of bytes or a size in B, KiB, MiB or GiB such as "256KiB", not "1MB""#,
    ),
    (
        "limits.buffered_bytes = 1000",
        "limits.buffered_bytes: must not be smaller than limits.body_bytes, which is 256KiB",
    ),
    (
        "limits.head_bytes = '1KiB'",
        "limits.head_bytes: must not be smaller than limits.target_bytes, which is 2KiB",
    ),
    (
        "validation.profile = 'Strict'",
        r#"validation.profile: must be "compatible" or "strict", not "Strict"; did you mean "strict"?"#,
    ),
    ("validation.mode = 'off'", r#"validation.mode: must be "enforce" or "shadow", not "off""#),
    ("validation.severity = 'deny'", "validation.severity: must be one section [validation.severity]"),
    ("validation.severity.output-dup = 'deny'", r#"validation.severity."output-dup": no such rule"#),
    (
        "validation.severity.output_duplicate = 'deny'",
        r#"validation.severity."output_duplicate": no such rule; did you mean "output-duplicate"?"#,
    ),
    (
        "validation.severity.body-syntax = 'warn'",
        r#"validation.severity."body-syntax": is fixed at "deny": a body that breaks it may be read as one job here and as another upstream; take the line out"#,
    ),
    (
        "validation.severity.output-duplicate = 'error'",
        r#"validation.severity."output-duplicate": must be "off", "audit", "warn" or "deny", not "error""#,
    ),
    ("pricing.rate_card = 3", "pricing.rate_card: must be a file in quotes or a list of files, not 3"),
    (
        "pricing.rate_card = []",
        "pricing.rate_card: must be a list of files in quotes, with at least one; leave the key out to price nothing",
    ),
    (
        "pricing.rate_card = 'illustrative'",
        r#"pricing.rate_card: "illustrative" is no card; the built-in one is "builtin:illustrative", made up for demonstration"#,
    ),
    (
        "pricing.rate_card = 'builtin:vendor'",
        r#"pricing.rate_card: "builtin:vendor" is no card; the built-in one is "builtin:illustrative", made up for demonstration"#,
    ),
    (
        "pricing.rate_card = ''",
        "pricing.rate_card: must be the path of a file, not empty; leave the key out where there is none",
    ),
    (
        "pricing.rate_card = 'illustrative.toml'",
        "pricing.rate_card: /nowhere/illustrative.toml cannot be read: No such file or directory (os error 2)",
    ),
    (
        "pricing.rate_card = 'no.toml'",
        "pricing.rate_card: /nowhere/no.toml cannot be read: No such file or directory (os error 2)",
    ),
    ("log.format = 'text'", r#"log.format: must be "json", not "text""#),
    (
        "log.level = 'inof'",
        r#"log.level: must be "error", "warn", "info" or "debug", not "inof"; did you mean "info"?"#,
    ),
    (
        "shutdown.grace = '30s'",
        "shutdown.grace: must be at least 31s, one second more than upstream.response_timeout: a job under way would be cut",
    ),
];
