//! Tokens: one run in one string.
//!
//! `sabot1.` and then, in base64 that needs no quoting, a CRC-32 and compressed JSON with all that
//! a replay needs: the whole script, so that a changed case file does not break it, and the world.
//! The number is the version; a token of another version is refused, not guessed at. Must not know:
//! where a token is shown.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine};
use serde::{Deserialize, Serialize};

use crate::contract::Verdict;

/// Everything that replays a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The workload's name.
    pub case: String,
    /// The world as the user called it.
    pub world: String,
    /// Where the fault was, and what it was called.
    pub site: String,
    pub fault: String,
    /// What the run came to.
    pub verdict: Verdict,
    pub script: String,
}

const VERSION: u32 = 1;

/// More than any script that a token was made of; a forged one must not fill the memory.
const LARGEST: usize = 1 << 20;

/// Why a text is not a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAToken {
    #[error("a token begins with sabot{VERSION}. and holds letters, digits, - and _")]
    Form,
    #[error("this token is of version {0}; this sabot reads version {VERSION}")]
    Version(u32),
    #[error("the token is damaged: its checksum does not fit; was it copied whole?")]
    Checksum,
    #[error("the token is damaged: {0}")]
    Content(String),
}

impl Token {
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("tokens are plain data");
        let packed = miniz_oxide::deflate::compress_to_vec(&json, 9);
        let mut bytes = crc32fast::hash(&packed).to_be_bytes().to_vec();
        bytes.extend(packed);
        format!("sabot{VERSION}.{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// # Errors
    /// Says what is wrong with the text.
    pub fn decode(text: &str) -> Result<Token, NotAToken> {
        let (head, body) = text.trim().split_once('.').ok_or(NotAToken::Form)?;
        let version = head.strip_prefix("sabot").ok_or(NotAToken::Form)?;
        match version.parse().map_err(|_| NotAToken::Form)? {
            VERSION => {}
            other => return Err(NotAToken::Version(other)),
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|why| match why {
            DecodeError::InvalidByte(..) => NotAToken::Form,
            // The letters are right, but some are missing.
            _ => NotAToken::Checksum,
        })?;
        let (checksum, packed) = bytes.split_first_chunk::<4>().ok_or(NotAToken::Checksum)?;
        if u32::from_be_bytes(*checksum) != crc32fast::hash(packed) {
            return Err(NotAToken::Checksum);
        }
        let json = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, LARGEST)
            .map_err(|why| NotAToken::Content(why.to_string()))?;
        serde_json::from_slice(&json).map_err(|why| NotAToken::Content(why.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            case: "sweep/appends".to_string(),
            world: "sim".to_string(),
            site: "parent.aof.write#1".to_string(),
            fault: "ENOSPC+".to_string(),
            verdict: Verdict::LostReported,
            script: "config appendonly yes\n> SET a \"1 2\"\nrestart\n".to_string(),
        }
    }

    #[test]
    fn tokens_read_back() {
        let text = token().encode();
        assert_eq!(Token::decode(&text), Ok(token()));
        assert_eq!(Token::decode(&format!(" {text}\n")), Ok(token()), "as it is pasted");
    }

    #[test]
    fn what_is_no_token_is_refused_with_the_reason() {
        let text = token().encode();
        for not in ["", "sabot1", "sabotx.AAAA", "tokn1.AAAA", "sabot1.A A", "sabot1.=", "1.AAAA"] {
            assert_eq!(Token::decode(not), Err(NotAToken::Form), "{not:?}");
        }
        let other = text.replacen("sabot1", "sabot2", 1);
        assert_eq!(Token::decode(&other), Err(NotAToken::Version(2)));
        assert_eq!(Token::decode("sabot1.AAA"), Err(NotAToken::Checksum));
        assert_eq!(Token::decode(&text[..text.len() - 4]), Err(NotAToken::Checksum));
        let packed = miniz_oxide::deflate::compress_to_vec(b"{}", 9);
        let mut bytes = crc32fast::hash(&packed).to_be_bytes().to_vec();
        bytes.extend(packed);
        let empty = format!("sabot1.{}", URL_SAFE_NO_PAD.encode(bytes));
        assert!(matches!(Token::decode(&empty), Err(NotAToken::Content(_))));
    }
}
