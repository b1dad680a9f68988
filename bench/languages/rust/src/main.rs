//! Measures a Rust client: `bench fred|redis-rs host:port`. See ../../README.md for what it reads and writes.
use fred::prelude::*;
use redis::AsyncCommands;
use serde::Deserialize;
use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
struct Work {
    mode: String,
    callers: usize,
    size: usize,
    millis: u64,
}

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Clone)]
enum Client {
    Fred(fred::clients::Client),
    RedisRs(redis::cluster_async::ClusterConnection),
}

impl Client {
    async fn connect(name: &str, address: &str) -> Result<Self, Failure> {
        if name == "fred" {
            let (host, port) = address.split_once(':').expect("host:port");
            let config = Config {
                server: ServerConfig::new_clustered(vec![(host, port.parse()?)]),
                version: fred::types::RespVersion::RESP3,
                ..Config::default()
            };
            let client = Builder::from_config(config).build()?;
            client.init().await?;
            return Ok(Client::Fred(client));
        }
        let client = redis::cluster::ClusterClient::builder(vec![format!("redis://{address}")])
            .use_protocol(redis::ProtocolVersion::RESP3)
            .build()?;
        Ok(Client::RedisRs(client.get_async_connection().await?))
    }

    async fn get(&mut self, key: &str) -> Result<usize, Failure> {
        let value: String = match self {
            Client::Fred(client) => KeysInterface::get(client, key).await?,
            Client::RedisRs(connection) => AsyncCommands::get(connection, key).await?,
        };
        Ok(value.len())
    }

    async fn pipeline(&mut self, keys: &[String]) -> Result<usize, Failure> {
        match self {
            Client::Fred(client) => {
                let pipeline = client.pipeline();
                for key in keys {
                    let _: () = KeysInterface::get(&pipeline, key.as_str()).await?;
                }
                let values: Vec<String> = pipeline.all().await?;
                Ok(values.len())
            }
            Client::RedisRs(connection) => {
                let mut pipeline = redis::pipe();
                for key in keys {
                    pipeline.get(key);
                }
                let values: Vec<String> = pipeline.query_async(connection).await?;
                Ok(values.len())
            }
        }
    }
}

fn cpu_micros() -> i64 {
    // SAFETY: `getrusage` fills the record that it is given.
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let micros = |time: libc::timeval| time.tv_sec as i64 * 1_000_000 + time.tv_usec as i64;
    micros(usage.ru_utime) + micros(usage.ru_stime)
}

async fn run(client: &Client, work: &Work) -> Result<usize, Failure> {
    let keys: Arc<Vec<String>> = Arc::new((0..1000).map(|i| format!("languages:{}:{i}", work.size)).collect());
    let batch: Arc<Vec<String>> = Arc::new((0..100).map(|i| format!("{{languages:{}}}:{i}", work.size)).collect());
    let end = Instant::now() + Duration::from_millis(work.millis);
    let mut callers = Vec::new();
    for caller in 0..work.callers {
        let (mut client, keys, batch) = (client.clone(), keys.clone(), batch.clone());
        let is_pipeline = work.mode == "pipeline";
        callers.push(tokio::spawn(async move {
            let (mut done, mut at) = (0, caller * 7);
            while Instant::now() < end {
                if is_pipeline {
                    done += client.pipeline(&batch).await?;
                } else {
                    client.get(&keys[at % keys.len()]).await?;
                    at += 1;
                    done += 1;
                }
            }
            Ok::<usize, Failure>(done)
        }));
    }
    let mut count = 0;
    for caller in callers {
        count += caller.await??;
    }
    Ok(count)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let client = Client::connect(&arguments[1], &arguments[2]).await?;
    for line in std::io::stdin().lock().lines() {
        let work: Work = serde_json::from_str(&line?)?;
        let (started, before) = (Instant::now(), cpu_micros());
        let commands = run(&client, &work).await?;
        println!(
            "{{\"commands\":{commands},\"cpuMicros\":{},\"millis\":{:.3}}}",
            cpu_micros() - before,
            started.elapsed().as_secs_f64() * 1000.0
        );
    }
    Ok(())
}
