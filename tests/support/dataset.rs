//! A dataset of every type and encoding, and facts about it that can be compared between servers.

use super::support::Server;

/// Fills a server with values of each type and encoding.
pub fn fill(server: &mut Server) {
    let send = |server: &mut Server, command: String| server.send::<redis::Value>(&command);
    for (count, name) in [(3, "short"), (600, "long")] {
        for i in 0..count {
            send(server, format!("RPUSH list-{name} element-{i} {}", i * i));
            send(server, format!("SADD numbers-{name} {}", i * 100_003 - 50));
            send(server, format!("SADD words-{name} word-{i}"));
            send(server, format!("HSET hash-{name} field-{i} {}", i * 7));
            send(server, format!("ZADD scores-{name} {}.5 member-{i}", i as i64 * 7 - 300));
        }
    }
    send(server, format!("SET big {}", "abcdefgh".repeat(5000)));
    send(server, format!("HSET wide field {}", "x".repeat(65)));
    for command in [
        "SET number -17",
        "SET edited 12",
        "APPEND edited 34",
        "ZADD ends -inf a inf b 0.25 c 0 d 4503599627370497.5 e",
        "SETEX ending 100000 x",
        "SELECT 3",
        "SET elsewhere 1",
    ] {
        send(server, command.to_string());
    }
    send(server, "SELECT 0".to_string());
    for id in 1..=250 {
        send(server, format!("XADD stream {id}-1 number {id} text some"));
    }
    for command in [
        "XADD stream 300-0 other fields",
        "XDEL stream 7-1 250-1",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group alice COUNT 5 STREAMS stream >",
        "XACK stream group 2-1",
        "XADD empty 1-1 f v",
        "XDEL empty 1-1",
    ] {
        send(server, command.to_string());
    }
}

/// Scores without an exact double. From 7.2 on DEBUG DIGEST uses their shortest representation,
/// before that 17 digits.
#[allow(dead_code)]
pub fn fill_inexact(server: &mut Server) {
    server.send::<redis::Value>("ZADD inexact 0.1 a 1e300 b 0.2 c");
}

const KEYS: [&str; 12] = [
    "list-short",
    "list-long",
    "numbers-short",
    "numbers-long",
    "words-short",
    "hash-short",
    "hash-long",
    "wide",
    "number",
    "scores-short",
    "scores-long",
    "ends",
];

/// The digest, and the encodings with the names of 6.0.
pub fn facts(server: &mut Server) -> (String, Vec<String>) {
    let encodings = KEYS.map(|key| {
        let encoding: String = server.send(&format!("OBJECT ENCODING {key}"));
        let encoding = if encoding == "listpack" { "ziplist".to_string() } else { encoding };
        // From 7.2 on short lists, and sets of a few words, are listpacks.
        match key.split_once('-') {
            Some(("list", _)) => "quicklist".to_string(),
            Some(("words", _)) => "hashtable".to_string(),
            _ => encoding,
        }
    });
    (server.send("DEBUG DIGEST"), encodings.to_vec())
}
