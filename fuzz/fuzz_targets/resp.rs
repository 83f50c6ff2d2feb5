//! Any bytes, in chunks of any size: the request parser accepts or refuses them, and never panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sabot_server::resp::request::RequestParser;

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let mut parser = RequestParser::default();
    for piece in bytes.chunks(usize::from(*first).max(1)) {
        parser.feed(piece);
        loop {
            match parser.next_request() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
