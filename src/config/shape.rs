//! What values of fields look like: in words for people, in JSON Schema for editors. What is accepted in the end is
//! decided in `read`; a test holds both against each other.

/// A kind of value that fields share.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// In tables, and in the schema.
    pub name: &'static str,
    /// For a sentence that begins with the field's name.
    pub allowed: &'static str,
    /// JSON Schema, draft 7.
    pub schema: &'static str,
}

const fn shape(name: &'static str, allowed: &'static str, schema: &'static str) -> Shape {
    Shape { name, allowed, schema }
}

pub(super) const TEXT: Shape = shape("text", "text, in quotes", r#"{"type": "string"}"#);

pub(super) const WORDS: Shape = shape(
    "words",
    "a list, or text that is split at white space",
    r#"{"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "number", "boolean"]}}]}"#,
);

pub(super) const FLAG: Shape = shape("flag", "true or false, without quotes", r#"{"type": "boolean"}"#);

pub(super) const FLAG_OR_TEXT: Shape =
    shape("flag or text", "true, false, or text in quotes", r#"{"type": ["boolean", "string"]}"#);

pub(super) const COUNT: Shape = shape(
    "count",
    "a whole number, 0 or more",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 4294967295}, {"type": "string", "pattern": "^\\s*\\+?\\d{1,9}\\s*$"}]}"#,
);

pub(super) const TIME: Shape = shape(
    "time",
    "a time: milliseconds, or a number with ms, s, m, h or d",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 3162240000000}, {"type": "string", "pattern": "^\\s*(\\d+\\.?\\d*|\\.\\d+)\\s*(ms|s|m|h|d)?\\s*$"}]}"#,
);

pub(super) const UPTIME: Shape = shape(
    "time from 100 ms",
    "a time of at least 100 ms, such as 1000 or \"10s\"",
    r#"{"anyOf": [{"type": "integer", "minimum": 100, "maximum": 3162240000000}, {"type": "string", "pattern": "^\\s*(\\d+\\.?\\d*|\\.\\d+)\\s*(s|m|h|d)\\s*$|^\\s*0*[1-9]\\d{2,}\\s*(ms)?\\s*$"}]}"#,
);

pub(super) const SIZE: Shape = shape(
    "size",
    "a size: bytes, or a number with K, M or G",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9007199254740992}, {"type": "string", "pattern": "^\\s*(\\d+\\.?\\d*|\\.\\d+)\\s*([kKmMgG][iI]?)?[bB]?\\s*$"}]}"#,
);

pub(super) const VARIABLES: Shape = shape("variables", "an object of variables", r#"{"type": "object"}"#);

pub(super) const OBJECT: Shape = shape("object", "an object", r#"{"type": "object"}"#);

pub(super) const MODE: Shape =
    shape("mode", r#""fork" or "cluster""#, r#"{"enum": ["fork", "cluster", "fork_mode", "cluster_mode"]}"#);

pub(super) const INSTANCES: Shape = shape(
    "instances",
    r#"a whole number, or "max""#,
    r#"{"anyOf": [{"type": "integer", "minimum": -2147483648, "maximum": 2147483647}, {"const": "max"}, {"type": "string", "pattern": "^\\s*[+-]?\\d{1,9}\\s*$"}]}"#,
);

pub(super) const FILTER: Shape = shape(
    "filter",
    "true, a name, or a list of parts of names",
    r#"{"anyOf": [{"type": ["boolean", "string"]}, {"type": "array", "items": {"type": ["string", "number", "boolean"]}}]}"#,
);

pub(super) const INHERIT: Shape = shape(
    "inherit",
    "true, false, or a list of names, in which * may stand for any text",
    r#"{"anyOf": [{"type": ["boolean", "string"]}, {"type": "array", "items": {"type": ["string", "number", "boolean"]}}]}"#,
);

pub(super) const PORT: Shape = shape(
    "port",
    "a number from 0 to 65535",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, {"type": "string", "pattern": "^\\s*\\+?\\d{1,5}\\s*$"}]}"#,
);

pub(super) const AUTORESTART: Shape =
    shape("autorestart", "true, false or \"on-failure\"", r#"{"enum": [true, false, "on-failure"]}"#);

pub(super) const EXIT_CODES: Shape = shape(
    "exit codes",
    "an exit code from 0 to 255, or a list of them",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"type": "string", "pattern": "^[\\s,]*(\\+?\\d{1,3}([\\s,]+|$))*$"}, {"type": "array", "items": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"type": "string", "pattern": "^\\s*\\+?\\d{1,3}\\s*$"}]}}]}"#,
);

pub(super) const SIGNAL: Shape = shape(
    "signal",
    "the name or the number of a signal, such as \"SIGTERM\"",
    r#"{"anyOf": [{"type": "integer", "minimum": 1, "maximum": 64}, {"type": "string", "pattern": "^\\s*((SIG|sig)?(HUP|INT|QUIT|ILL|TRAP|ABRT|BUS|FPE|KILL|USR1|SEGV|USR2|PIPE|ALRM|TERM|STKFLT|CHLD|CONT|STOP|TSTP|TTIN|TTOU|URG|XCPU|XFSZ|VTALRM|PROF|WINCH|IO|PWR|SYS|hup|int|quit|ill|trap|abrt|bus|fpe|kill|usr1|segv|usr2|pipe|alrm|term|stkflt|chld|cont|stop|tstp|ttin|ttou|urg|xcpu|xfsz|vtalrm|prof|winch|io|pwr|sys)|\\+?0*([1-9]|[1-5]\\d|6[0-4]))\\s*$"}]}"#,
);

pub(super) const PATTERN: Shape =
    shape("regular expression", "a regular expression, in quotes", r#"{"type": "string", "format": "regex"}"#);

pub(super) const PROBE: Shape = shape(
    "probe",
    "an object with one of http, tcp and exec, and initial_delay, period, timeout, success_threshold, failure_threshold",
    r##"{"type": "object", "additionalProperties": false,
      "oneOf": [{"required": ["http"]}, {"required": ["tcp"]}, {"required": ["exec"]}],
      "properties": {
        "http": {"anyOf": [{"$ref": "#/definitions/port"}, {"type": "string", "pattern": "^http://[^/?:]"},
          {"type": "object", "required": ["port"], "properties": {"host": {"type": "string"},
            "port": {"$ref": "#/definitions/port"}, "path": {"type": "string"}, "headers": {"type": "object"}}}]},
        "tcp": {"anyOf": [{"$ref": "#/definitions/port"}, {"type": "string", "pattern": "^(.*:)?\\+?\\d{1,5}$"},
          {"type": "object", "required": ["port"], "properties": {"host": {"type": "string"},
            "port": {"$ref": "#/definitions/port"}}}]},
        "exec": {"anyOf": [{"type": "string", "pattern": "\\S"},
          {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}}]},
        "initial_delay": {"$ref": "#/definitions/time"}, "initialDelay": {"$ref": "#/definitions/time"},
        "period": {"$ref": "#/definitions/time"}, "interval": {"$ref": "#/definitions/time"},
        "timeout": {"$ref": "#/definitions/time"},
        "success_threshold": {"$ref": "#/definitions/count"}, "successThreshold": {"$ref": "#/definitions/count"},
        "failure_threshold": {"$ref": "#/definitions/count"}, "failureThreshold": {"$ref": "#/definitions/count"},
        "initialDelaySeconds": {"$ref": "#/definitions/count"}, "periodSeconds": {"$ref": "#/definitions/count"},
        "timeoutSeconds": {"$ref": "#/definitions/count"}}}"##,
);

pub(super) const DEPENDENCIES: Shape = shape(
    "dependencies",
    "a list of apps, or an object of apps with \"started\", \"ready\", \"healthy\" or \"completed\"",
    r##"{"anyOf": [{"$ref": "#/definitions/words"},
      {"type": "object", "additionalProperties": {"anyOf": [{"$ref": "#/definitions/condition"},
        {"type": "object", "required": ["condition"], "properties": {"condition": {"$ref": "#/definitions/condition"}}}]}}]}"##,
);

/// Of one app that another depends on. Part of `DEPENDENCIES`.
pub(super) const CONDITION: Shape = shape(
    "condition",
    "a condition",
    r#"{"enum": ["started", "ready", "healthy", "completed", "service_started", "service_healthy", "service_completed_successfully"]}"#,
);

pub(super) const CPU: Shape = shape(
    "cores",
    "a number of cores, such as 1.5, or a part of one, such as \"50%\"",
    r#"{"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 4096}, {"type": "string", "pattern": "^\\s*\\+?(\\d{1,4}(\\.\\d*)?|\\.\\d+)\\s*%?\\s*$"}]}"#,
);

pub(super) const RLIMITS: Shape = shape(
    "rlimits",
    "an object of resources, such as { nofile: 65536 } or { core: [0, \"unlimited\"] }",
    r##"{"type": "object", "additionalProperties": false, "patternProperties":
      {"^(as|core|cpu|data|fsize|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack|AS|CORE|CPU|DATA|FSIZE|MEMLOCK|MSGQUEUE|NICE|NOFILE|NPROC|RSS|RTPRIO|RTTIME|SIGPENDING|STACK)$":
        {"anyOf": [{"$ref": "#/definitions/resource limit"},
          {"type": "array", "minItems": 2, "maxItems": 2, "items": {"$ref": "#/definitions/resource limit"}}]}}}"##,
);

/// One limit of a resource. Part of `RLIMITS`.
pub(super) const RESOURCE_LIMIT: Shape = shape(
    "resource limit",
    "a size, or unlimited",
    r##"{"anyOf": [{"$ref": "#/definitions/size"}, {"const": "unlimited"}]}"##,
);

pub(super) const NICE: Shape = shape(
    "niceness",
    "a whole number from -20 to 19",
    r#"{"anyOf": [{"type": "integer", "minimum": -20, "maximum": 19}, {"type": "string", "pattern": "^\\s*(-20|-?1?\\d|\\+1?\\d)\\s*$"}]}"#,
);

pub(super) const CORES: Shape = shape(
    "list of cores",
    "a core's number, a list of them, or text such as \"0-2,5\"",
    r##"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 4294967295}, {"type": "string", "pattern": "^\\s*\\+?\\d{1,4}(\\s*-\\s*\\d{1,4})?(\\s*,\\s*\\d{1,4}(\\s*-\\s*\\d{1,4})?)*\\s*$"},
      {"type": "array", "items": {"$ref": "#/definitions/count"}}]}"##,
);

pub(super) const OOM_SCORE: Shape = shape(
    "OOM score",
    "a whole number from -1000 to 1000",
    r#"{"anyOf": [{"type": "integer", "minimum": -1000, "maximum": 1000}, {"type": "string", "pattern": "^\\s*[+-]?0*(1000|\\d{1,3})\\s*$"}]}"#,
);

pub(super) const UMASK: Shape = shape(
    "umask",
    "an octal number in quotes, such as \"022\"",
    r#"{"type": "string", "pattern": "^\\s*(0o)?\\+?0*[0-7]{1,3}\\s*$"}"#,
);

pub(super) const CRON: Shape = shape(
    "cron pattern",
    "a cron pattern of 5 or 6 fields, such as \"0 4 * * *\"; 0 is none",
    r#"{"anyOf": [{"type": "string"}, {"const": 0}]}"#,
);

pub(super) const OVERLAP: Shape =
    shape("overlap", "\"skip\", \"queue\" or \"replace\"", r#"{"enum": ["skip", "queue", "replace"]}"#);

pub(super) const SCHED: Shape = shape(
    "schedule of a cluster",
    "\"round-robin\", \"kernel\" or \"ip-hash\"",
    r#"{"enum": ["round-robin", "kernel", "ip-hash"]}"#,
);

pub(super) const LISTEN: Shape = shape(
    "addresses",
    "a port, \"1.2.3.4:port\", a path that begins with / or ./, or a list of such",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, {"type": "string", "pattern": "^\\s*(/.*|\\./.*|(\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-fA-F:.]+\\]):\\d{1,5}|\\+?(\\d{1,4}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5]))\\s*$"}, {"type": "array", "items": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535}, {"type": "string", "pattern": "^\\s*(/.*|\\./.*|(\\d{1,3}(\\.\\d{1,3}){3}|\\[[0-9a-fA-F:.]+\\]):\\d{1,5}|\\+?(\\d{1,4}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5]))\\s*$"}]}}]}"#,
);

pub(super) const WATCHED: Shape = shape(
    "paths to watch",
    "true, false, or a list of paths",
    r##"{"anyOf": [{"type": "boolean"}, {"$ref": "#/definitions/words"}]}"##,
);

pub(super) const SECRETS: Shape = shape(
    "secrets",
    "an object of variables, each { file: \"path\" } or { command: \"line\" }",
    r#"{"type": "object", "additionalProperties": {"anyOf": [
      {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}, "additionalProperties": false},
      {"type": "object", "required": ["command"], "properties": {"command": {"type": "string"}}, "additionalProperties": false}]}}"#,
);

pub(super) const ACCOUNT: Shape = shape(
    "account",
    "the name or the number of a user or a group",
    r#"{"anyOf": [{"type": "integer", "minimum": 0, "maximum": 4294967295}, {"type": "string", "pattern": "^[^-]"}]}"#,
);
