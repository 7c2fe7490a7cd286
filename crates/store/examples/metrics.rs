//! What a month of metrics takes in the database: `cargo run -p porthole-store --example metrics`.
//!
//! Fills 30 days of instances that are never idle, minute by minute as the server does, rolls up as the server does, and
//! compares the file's size with one without points. The target is at most 1 MiB an instance and month.

use std::{error::Error, path::Path};

use porthole_model::{
    AccountId, InstanceId,
    instance::State,
    metric::{Minute, Row, Step},
    session::Session,
};
use porthole_store::{Account, Instance, Store};

const INSTANCES: usize = 4;
const DAYS: i64 = 30;
const TARGET_BYTES: u64 = 1 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("porthole.db");
    let url = format!("sqlite://{}", file.display());
    let store = Store::open(&url).await?;
    let ids = instances(&store).await?;
    store.close().await;
    let before = size(&file)?;
    let store = Store::open(&url).await?;
    let mut random = 1;
    let mut row_bytes = 0;
    for hour in 0..DAYS * 24 {
        let began_s = 1_700_002_800 + hour * 3600;
        let mut rows = vec![Row::empty(Step::Minute, began_s); ids.len()];
        // One transaction an hour instead of one a minute: the same writes, and the same file, sooner.
        let mut tx = store.begin().await?;
        for minute in 0..60 {
            for (id, row) in ids.iter().zip(&mut rows) {
                row.put(began_s + minute * 60, &busy(&mut random));
                row_bytes = row.bytes().len();
                tx.put_metric(id, row).await?;
            }
        }
        tx.commit().await?;
        if hour % 24 == 23 {
            for id in &ids {
                store.roll_up_metrics(id, began_s + 3600).await?;
            }
        }
    }
    store.close().await;
    let bytes = (size(&file)? - before) / INSTANCES as u64;
    write(&format!(
        "{{\"instances\": {INSTANCES}, \"days\": {DAYS}, \"bytes_per_instance_month\": {bytes}, \
         \"target_bytes\": {TARGET_BYTES}, \"bytes_written_per_minute\": {row_bytes}}}"
    ))?;
    if bytes > TARGET_BYTES { Err("over the target".into()) } else { Ok(()) }
}

fn write(line: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}")
}

fn size(file: &Path) -> std::io::Result<u64> {
    Ok(std::fs::metadata(file)?.len())
}

/// Values without a pattern, none of them 0.
fn busy(random: &mut u64) -> Minute {
    let mut next = |most: f64| {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        1.0 + (*random >> 11) as f64 / (1_u64 << 53) as f64 * most
    };
    Minute {
        cpu_percent: next(99.0),
        network_in: next(1e9),
        network_out: next(1e9),
        read_ops: next(1e5),
        write_ops: next(1e5),
        read_bytes: next(1e9),
        write_bytes: next(1e9),
        read_ms: next(6e4),
        write_ms: next(6e4),
        no_token: next(100.0),
        instance_failed: false,
        system_failed: false,
    }
}

async fn instances(store: &Store) -> Result<Vec<InstanceId>, Box<dyn Error>> {
    let account_id = AccountId::new("111122223333");
    let mut tx = store.begin().await?;
    tx.insert_account(&Account { id: account_id.clone(), name: "bench".into(), created_ms: 0 }).await?;
    let mut ids = Vec::new();
    for number in 0..INSTANCES {
        let id = InstanceId::new(format!("00000000-0000-4000-8000-{number:012}"));
        let mut instance = Instance {
            id: id.clone(),
            account_id: account_id.clone(),
            region: "us-east-2".into(),
            zone: "us-east-2a".into(),
            name: format!("lab-{number}"),
            blueprint_id: "debian_12".into(),
            bundle_id: "nano_3_0".into(),
            state: State::Running,
            address_index: 0,
            ip_address_type: "ipv4".into(),
            key_pair_name: String::new(),
            user_data: String::new(),
            tags: "{}".into(),
            add_ons: "[]".into(),
            session: Session::new(),
            generation: 0,
            created_ms: 0,
            ports: String::new(),
            metadata_options: String::new(),
            from_snapshot_id: String::new(),
        };
        tx.insert_instance(&mut instance).await?;
        ids.push(id);
    }
    tx.commit().await?;
    Ok(ids)
}
