//! What a connection's protocol says about replies: how many a command gets, and which message is
//! none.
//!
//! CLIENT REPLY silences a connection, SUBSCRIBE is answered once per channel, and messages come
//! unasked. Inside of MULTI every command is answered with QUEUED. Must not know: what a reply
//! means.

use std::collections::BTreeSet;

use super::resp::Reply;

/// The state of one connection, as far as it decides about replies.
#[derive(Clone, Debug, Default)]
pub struct Protocol {
    /// CLIENT REPLY OFF.
    off: bool,
    /// CLIENT REPLY SKIP: the next command gets no reply.
    skips: bool,
    in_multi: bool,
    /// Channels and patterns, each with the command that subscribes to it.
    subscribed: BTreeSet<(String, Vec<u8>)>,
}

impl Protocol {
    /// A command is sent: how many replies will come to it, if it is carried out?
    pub fn replies_to(&mut self, argv: &[Vec<u8>]) -> usize {
        let word = |n: usize| argv.get(n).map(|word| word.to_ascii_uppercase()).unwrap_or_default();
        let silent = self.off || std::mem::take(&mut self.skips);
        let name = String::from_utf8_lossy(&word(0)).into_owned();
        match (name.as_str(), word(1).as_slice()) {
            ("MULTI", _) => self.in_multi = true,
            ("EXEC" | "DISCARD", _) => self.in_multi = false,
            ("RESET", _) => {
                *self = Protocol::default();
                return 1;
            }
            _ if self.in_multi => {}
            ("CLIENT", b"REPLY") => match word(2).as_slice() {
                b"ON" => {
                    self.off = false;
                    return 1;
                }
                b"OFF" => {
                    self.off = true;
                    return 0;
                }
                b"SKIP" => {
                    self.skips = !self.off;
                    return 0;
                }
                _ => {}
            },
            ("SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE", _) if argv.len() > 1 => {
                let channels = argv[1..].iter().map(|channel| (name.clone(), channel.clone()));
                self.subscribed.extend(channels);
                return argv.len() - 1;
            }
            ("UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE", _) => {
                return self.unsubscribe(&name.replacen("UNSUB", "SUB", 1), &argv[1..]);
            }
            _ => {}
        }
        usize::from(!silent)
    }

    fn unsubscribe(&mut self, subscribed_by: &str, channels: &[Vec<u8>]) -> usize {
        let before = self.subscribed.len();
        if channels.is_empty() {
            self.subscribed.retain(|(by, _)| by != subscribed_by);
            return (before - self.subscribed.len()).max(1);
        }
        for channel in channels {
            self.subscribed.remove(&(subscribed_by.to_string(), channel.clone()));
        }
        channels.len()
    }

    /// Whether a message is no reply to any command.
    pub fn is_unasked(&self, reply: &Reply) -> bool {
        let kind = |items: &[Reply]| items.first().and_then(Reply::text).unwrap_or_default();
        match reply {
            Reply::Push(items) => !kind(items).ends_with("subscribe"),
            Reply::Array(items) if !self.subscribed.is_empty() => {
                matches!(kind(items).as_str(), "message" | "pmessage" | "smessage")
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(commands: &[&str]) -> Vec<usize> {
        let mut protocol = Protocol::default();
        let argv = |text: &str| -> Vec<Vec<u8>> { text.split(' ').map(Vec::from).collect() };
        commands.iter().map(|text| protocol.replies_to(&argv(text))).collect()
    }

    #[test]
    fn a_silenced_command_gets_no_reply_and_the_others_one() {
        assert_eq!(replies(&["CLIENT REPLY SKIP", "PING", "SET a 1"]), [0, 0, 1]);
        let off = ["client reply off", "PING", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "PING"];
        assert_eq!(replies(&off), [0, 0, 0, 1, 1]);
        assert_eq!(replies(&["CLIENT REPLY OFF", "RESET", "PING"]), [0, 1, 1]);
        assert_eq!(replies(&["CLIENT REPLY NONSENSE", "PING"]), [1, 1]);
    }

    #[test]
    fn subscriptions_are_answered_one_by_one() {
        let all = ["SUBSCRIBE a b", "PSUBSCRIBE p", "UNSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE p"];
        assert_eq!(replies(&all), [2, 1, 2, 1, 1]);
        assert_eq!(replies(&["MULTI", "SUBSCRIBE a b", "EXEC", "PING"]), [1, 1, 1, 1]);
    }
}
