//! The JSON Schema of an application file, made from the list of fields. Editors check files with it while they are
//! written; it knows what the parser knows, but that an unknown field is a mistake to it and a remark to the parser.

use super::apply::{SCHEMA, spellings};
use super::fields::{Field, known_fields};
use super::shape::{CONDITION, RESOURCE_LIMIT, Shape, VARIABLES};
use serde_json::{Map, Value, json};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Accepted for each field: the same as nothing written.
const NOTHING: &str = "nothing";

/// The schema, draft 7.
pub fn schema() -> Value {
    let app = json!({"$ref": "#/definitions/app"});
    let apps = json!({"anyOf": [{"type": "array", "minItems": 1, "items": app}, app]});
    let site = json!({"$ref": "#/definitions/site"});
    let sites = json!({"anyOf": [{"type": "array", "items": site}, site]});
    json!({
        "$schema": DRAFT,
        "title": "Application file of rpm",
        "description": "Apps to run: a list, one app, or an object with apps.",
        "anyOf": [
            {
                "type": "object",
                "required": ["apps"],
                "properties": {SCHEMA: {"type": "string"}, "apps": apps, "static": sites},
            },
            {
                "type": "object",
                "required": ["static"],
                "properties": {SCHEMA: {"type": "string"}, "static": sites, "apps": false, "pm2": false},
            },
            {"type": "object", "required": ["pm2"], "properties": {"pm2": apps}},
            {"type": "array", "minItems": 1, "items": app},
            app,
        ],
        "definitions": definitions(),
    })
}

fn definitions() -> Value {
    let mut definitions = Map::new();
    definitions.insert("app".to_owned(), app());
    definitions.insert("site".to_owned(), site());
    let nothing = json!({"description": "The same as nothing written.", "type": ["null", "string"], "maxLength": 0});
    definitions.insert(NOTHING.to_owned(), nothing);
    let shapes = known_fields().iter().map(|field| field.shape).chain([CONDITION, RESOURCE_LIMIT]);
    for shape in shapes {
        definitions.entry(shape.name).or_insert_with(|| definition(shape));
    }
    Value::Object(definitions)
}

/// A shape's text is a constant; a test reads each of them.
fn definition(shape: Shape) -> Value {
    let mut definition = serde_json::from_str::<Map<String, Value>>(shape.schema).unwrap_or_default();
    definition.insert("description".to_owned(), Value::from(capital(shape.allowed)));
    Value::Object(definition)
}

fn app() -> Value {
    let mut properties = Map::new();
    properties.insert(SCHEMA.to_owned(), json!({"type": "string"}));
    for field in known_fields() {
        properties.insert(field.name.to_owned(), property(field));
        for name in spellings(field).into_iter().skip(1) {
            properties.insert(name, json!({"$ref": format!("#/definitions/app/properties/{}", field.name)}));
        }
    }
    let profile = json!({"anyOf": [reference(VARIABLES.name), reference(NOTHING)]});
    let scripts = known_fields().iter().filter(|field| field.name == "script").flat_map(Field::names);
    json!({
        "type": "object",
        "anyOf": scripts.map(|name| json!({"required": [name]})).collect::<Vec<_>>(),
        "additionalProperties": false,
        "patternProperties": {profiles(): profile},
        "properties": properties,
    })
}

/// An app that serves files. Fields of apps that are not about that may stand in it too.
fn site() -> Value {
    let text = |about: &str| json!({"description": about, "type": "string"});
    let switch = |about: &str| json!({"description": about, "type": ["boolean", "string"]});
    let login =
        json!({"type": "object", "properties": {"username": {"type": "string"}, "password": {"type": "string"}}});
    json!({
        "description": "A directory whose files are served over HTTP.",
        "type": "object",
        "properties": {
            "path": text("The directory. Default: the file's own."),
            "port": {"description": "Default: 8080.", "type": ["integer", "string"]},
            "host": {"description": "An address of this machine. Default: all.", "type": ["string", "null"]},
            "spa": switch("What isn't there is answered with the home page."),
            "ftp": switch("Directories without an index are listed."),
            "homepage": text("The page of the root. Default: /index.html."),
            "basic_auth": {"description": "Who may see it.", "anyOf": [login, {"type": ["boolean", "null"]}]},
            "name": text("Default: static-page-server-<port>."),
        },
    })
}

fn property(field: &Field) -> Value {
    let description = match field.default {
        "" => field.doc.to_owned(),
        default => format!("{} Default: {default}.", field.doc),
    };
    json!({"description": description, "anyOf": [reference(field.shape.name), reference(NOTHING)]})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// `env_<name>`, but no field that begins so.
fn profiles() -> String {
    let fields = known_fields().iter().flat_map(Field::names).filter_map(|name| name.strip_prefix("env_"));
    format!("^env_(?!({})$).+", fields.collect::<Vec<_>>().join("|"))
}

fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
