//! A small HTTP server between the store and a real one, or in its place: it does what a test
//! says with each request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came.
#[derive(Clone)]
pub struct Request {
    /// Request line and headers, in lower case.
    pub head: String,
    raw: Vec<u8>,
}

impl Request {
    /// The body, as text.
    pub fn body(&self) -> String {
        let end = self.raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
        String::from_utf8_lossy(&self.raw[end..]).into_owned()
    }

    /// The same without a header, whose name is in lower case.
    fn without(&self, header: &str) -> Self {
        let end = self.raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let (head, rest) = self.raw.split_at(end);
        let name = format!("{header}:");
        let head = std::str::from_utf8(head).unwrap();
        let lines = head.split("\r\n").filter(|line| !line.to_lowercase().starts_with(&name));
        let head = lines.collect::<Vec<_>>().join("\r\n");
        Self { head: head.to_lowercase(), raw: [head.as_bytes(), rest].concat() }
    }
}

/// What happens to a request.
pub enum Act {
    /// The server behind does it and answers.
    Forward,
    /// The server behind does it and answers, and does not see this header.
    Without(&'static str),
    /// This is the answer; nothing is done.
    Answer(String),
    /// It is done, but this is the answer.
    Instead(String),
    /// It is done, and this much of the answer comes back.
    Cut(usize),
    /// The connection is closed.
    Drop,
    /// No answer for this long.
    Hang(Duration),
}

/// The double.
pub struct Double {
    pub endpoint: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Double {
    /// Listens until the process ends; `act` is given the number of the request, from 0.
    pub fn new(behind: u16, act: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (all, act) = (seen.clone(), Arc::new(act));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, act) = (all.clone(), act.clone());
                thread::spawn(move || serve(stream.unwrap(), behind, &seen, act.as_ref()));
            }
        });
        Self { endpoint, seen }
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

/// An answer with an error document.
pub fn error(status: u16, code: &str) -> String {
    answer(status, "", &format!("<Error><Code>{code}</Code><Message>said so</Message></Error>"))
}

/// An answer; `headers` end in line breaks.
pub fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

fn serve(
    mut stream: TcpStream,
    behind: u16,
    seen: &Mutex<Vec<Request>>,
    act: &(dyn Fn(usize, &Request) -> Act + Send + Sync),
) {
    let Some(request) = read(&mut stream) else { return };
    let n = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    // The client may be gone by now, which is for its test to judge.
    let _ = match act(n, &request) {
        Act::Forward => stream.write_all(&forward(behind, &request)),
        Act::Without(header) => stream.write_all(&forward(behind, &request.without(header))),
        Act::Answer(answer) => stream.write_all(answer.as_bytes()),
        Act::Instead(answer) => {
            forward(behind, &request);
            stream.write_all(answer.as_bytes())
        }
        Act::Cut(length) => stream.write_all(&forward(behind, &request)[..length]),
        Act::Drop => Ok(()),
        Act::Hang(time) => {
            // The hang itself, not a wait for something.
            thread::sleep(time);
            Ok(())
        }
    };
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let (mut raw, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part).ok().filter(|length| *length > 0)?;
        raw.extend_from_slice(&part[..length]);
        let Some(end) = raw.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&raw[..end]).to_lowercase();
        let announced = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body: usize = announced.map_or(0, |length| length.parse().unwrap());
        if raw.len() >= end + 4 + body {
            return Some(Request { head, raw });
        }
    }
}

/// The whole answer of the server behind.
fn forward(behind: u16, request: &Request) -> Vec<u8> {
    let mut server = TcpStream::connect(("127.0.0.1", behind)).unwrap();
    let line = request.raw.windows(2).position(|two| two == b"\r\n").unwrap();
    server.write_all(&request.raw[..line]).unwrap();
    server.write_all(b"\r\nConnection: close").unwrap();
    server.write_all(&request.raw[line..]).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    answer
}
