//! Sends one signed API request over and over, on several connections, and prints rate and latencies as JSON.
//!
//! Deliberately small and blocking: one thread a connection, one request under way on each, so that what is measured is
//! the server. Every request is signed afresh with Signature Version 4.
#![forbid(unsafe_code)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Load generator for the API.
#[derive(Parser, Clone)]
struct Args {
    /// Address and port of the server
    #[arg(long)]
    address: String,
    /// Access key id
    #[arg(long)]
    key: String,
    /// Secret access key
    #[arg(long)]
    secret: String,
    /// Region in the signature's scope
    #[arg(long, default_value = "us-east-2")]
    region: String,
    /// Action, for example GetOperation
    #[arg(long)]
    action: String,
    /// Request body
    #[arg(long, default_value = "{}")]
    body: String,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// How long to send, in seconds, 1–60
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    ensure!((1..=60).contains(&args.seconds), "--seconds must be 1 to 60");
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let started = Instant::now();
    let threads: Vec<_> = (0..args.connections)
        .map(|_| {
            let args = args.clone();
            std::thread::spawn(move || connection(&args, end))
        })
        .collect();
    let mut times_us = Vec::new();
    for thread in threads {
        times_us.extend(thread.join().map_err(|_| anyhow::anyhow!("a connection's thread panicked"))??);
    }
    let took_s = started.elapsed().as_secs_f64();
    times_us.sort_unstable();
    ensure!(!times_us.is_empty(), "no request was answered");
    let at = |part: f64| f64::from(times_us[((times_us.len() - 1) as f64 * part) as usize]) / 1000.0;
    let report = serde_json::json!({
        "action": args.action,
        "connections": args.connections,
        "requests": times_us.len(),
        "perSecond": (times_us.len() as f64 / took_s).round(),
        "p50Ms": at(0.50),
        "p95Ms": at(0.95),
        "p99Ms": at(0.99),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// Sends until `end`; gives each request's time in microseconds. Any answer but 200 is an error.
fn connection(args: &Args, end: Instant) -> anyhow::Result<Vec<u32>> {
    let stream = TcpStream::connect(&args.address).with_context(|| format!("cannot connect to {}", args.address))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut write = stream.try_clone()?;
    let mut read = BufReader::new(stream);
    let (mut times_us, mut line, mut body) = (Vec::new(), String::new(), Vec::new());
    while Instant::now() < end {
        let request = signed(args)?;
        let sent = Instant::now();
        write.write_all(&request)?;
        read_answer(&mut read, &mut line, &mut body)?;
        times_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(times_us)
}

fn read_answer(read: &mut BufReader<TcpStream>, line: &mut String, body: &mut Vec<u8>) -> anyhow::Result<()> {
    line.clear();
    read.read_line(line)?;
    let ok = line.starts_with("HTTP/1.1 200 ");
    let status = line.trim().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        ensure!(read.read_line(line)? > 0, "the server closed the connection");
        let header = line.trim();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    body.resize(length, 0);
    read.read_exact(body)?;
    if !ok {
        bail!("{status}: {}", String::from_utf8_lossy(body));
    }
    Ok(())
}

fn signed(args: &Args) -> anyhow::Result<Vec<u8>> {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let target = format!("Lightsail_20161128.{}", args.action);
    let (names, host) = ("content-type;host;x-amz-date;x-amz-target", &args.address);
    let canonical = format!(
        "POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:{host}\nx-amz-date:{time}\nx-amz-target:{target}\n\n{names}\n{}",
        hex::encode(Sha256::digest(&args.body))
    );
    let scope = format!("{date}/{}/lightsail/aws4_request", args.region);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let mut key = format!("AWS4{}", args.secret).into_bytes();
    for part in [date, &args.region, "lightsail", "aws4_request", &text] {
        key = mac(&key, part)?;
    }
    Ok(format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\
         X-Amz-Date: {time}\r\nX-Amz-Target: {target}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, \
         SignedHeaders={names}, Signature={}\r\n\r\n{}",
        args.body.len(),
        args.key,
        hex::encode(key),
        args.body
    )
    .into_bytes())
}

fn mac(key: &[u8], text: &str) -> anyhow::Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).context("HMAC takes keys of any length")?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}
