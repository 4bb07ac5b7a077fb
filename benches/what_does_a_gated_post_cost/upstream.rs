//! The upstream: reads a request away and answers with a created job, each with an id of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::clients::Message;

/// Starts it on a thread of its own, which ends with the process.
pub(crate) fn start() -> io::Result<SocketAddr> {
    let (send, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let _ = send.send(listener.local_addr()?);
            let mut number = 0_u64;
            loop {
                let (stream, _) = listener.accept().await?;
                number = number.saturating_add(1);
                tokio::spawn(serve(stream, number << 32));
            }
            #[expect(unreachable_code, reason = "tells the type of the block")]
            Ok::<(), io::Error>(())
        })
    });
    address.recv().map_err(|_| io::Error::other("upstream did not start"))
}

async fn serve(mut stream: TcpStream, first: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut number = first;
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let length = loop {
            if let Some(message) = Message::of(&buffer)? {
                break message.length;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        buffer.drain(..length.min(buffer.len()));
        number = number.wrapping_add(1);
        stream.write_all(created(number).as_bytes()).await?;
    }
}

/// The answer of the published page, without white space.
fn created(number: u64) -> String {
    let body = format!(
        r#"{{"job":{{"id":"cc3d35cc-416a-4262-9714-{number:012x}","type":"Full","name":"My first Reality Modeling job","costEstimationParameters":{{"gigaPixels":2.5,"megaPoints":1.5,"meshQuality":"Extra"}},"workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","email":"someone@example.com","dataCenter":"EastUs","executionInformation":{{"createdDateTime":"2021-10-14T13:10:34Z"}},"state":"Unsubmitted","inputs":[{{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"Drone ImageCollection"}},{{"id":"dc65ce7d-2598-422f-97a5-5ae8eb004b67","description":"Drone CCOrientations"}}],"settings":{{"quality":"Extra","processingEngines":5,"outputs":[{{"format":"OBJ","id":"7a5e6a1d-0b8c-4f0f-8d0a-0d9a3f6b6c55"}},{{"format":"3MX","id":"6c5e6a1d-0b8c-4f0f-8d0a-0d9a3f6b6c55"}}]}},"estimatedCost":4.0}}}}"#,
    );
    let head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: ";
    format!("{head}{}\r\n\r\n{body}", body.len())
}
