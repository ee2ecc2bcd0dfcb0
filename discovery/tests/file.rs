//! The file provider: what is read, in which order, and how changes and mistakes are followed.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use support::{Watched, routers, told, watch};
use swarmgate_config::install::{File, Install};

fn router(name: &str, host: &str) -> String {
    format!("http:\n  routers:\n    {name}:\n      rule: Host(`{host}`)\n      service: s\n")
}

fn follow(settings: File) -> Watched {
    let mut install = Install::default();
    install.providers.file = Some(settings);
    watch(&install)
}

fn file(path: &Path) -> File {
    File { filename: Some(path.display().to_string()), ..File::default() }
}

fn directory(path: &Path) -> File {
    File { directory: Some(path.display().to_string()), ..File::default() }
}

fn rule(watched: &Watched, name: &str) -> Option<String> {
    watched.latest.routers.get(name)?.value.rule.clone()
}

/// Everything below must be faster than the slow poll, or the watching does not work.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_file_and_its_changes() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("dynamic.yml");
    fs::write(&path, router("a", "a.test")).unwrap();
    let mut watched = follow(file(&path));
    watched.until("first", |c| routers(c) == ["a"]).await;

    fs::write(&path, router("b", "b.test")).unwrap();
    let took = watched.until("rewritten", |c| routers(c) == ["b"]).await;
    println!("file change seen after {took:?}");
    assert!(took < SOON, "{took:?}");

    // As editors do it.
    let fresh = room.path().join("dynamic.yml.new");
    fs::write(&fresh, router("c", "c.test")).unwrap();
    fs::rename(&fresh, &path).unwrap();
    let took = watched.until("replaced", |c| routers(c) == ["c"]).await;
    assert!(took < SOON, "{took:?}");

    fs::write(&path, "http: [").unwrap();
    watched.until("a syntax error", |c| !c.findings.is_empty()).await;
    assert_eq!(routers(&watched.latest), ["c"]);
    assert!(told(&watched.latest, "its last good content keeps serving"));
    assert!(told(&watched.latest, "dynamic.yml"));

    fs::remove_file(&path).unwrap();
    watched.until("gone", |c| told(c, "cannot be read")).await;
    assert_eq!(routers(&watched.latest), ["c"]);

    fs::write(&path, router("d", "d.test")).unwrap();
    let took = watched.until("back", |c| routers(c) == ["d"] && c.findings.is_empty()).await;
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_missing_file_is_waited_for() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("sub").join("late.toml");
    let mut watched = follow(file(&path));
    watched.until("told", |c| told(c, "late.toml") && told(c, "cannot be read")).await;
    fs::create_dir(room.path().join("sub")).unwrap();
    fs::write(&path, "[http.routers.t]\nrule = \"Host(`t.test`)\"\nservice = \"s\"\n").unwrap();
    watched.until("there", |c| routers(c) == ["t"]).await;
    assert!(watched.latest.findings.is_empty());
}

#[tokio::test]
async fn a_directory() {
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    fs::create_dir_all(path("m/deep")).unwrap();
    fs::write(path("z.yaml"), router("r", "late.test")).unwrap();
    fs::write(path("a.yml"), router("r", "first.test")).unwrap();
    fs::write(
        path("m/deep/x.toml"),
        "[http.routers.t]\nrule = \"Host(`t.test`)\"\nservice = \"s\"\n",
    )
    .unwrap();
    fs::write(path("notes.txt"), "not: [a config").unwrap();
    let mut watched = follow(directory(room.path()));
    watched.until("all", |c| routers(c) == ["r", "t"]).await;
    // The first by name keeps it, and the other is told.
    assert_eq!(rule(&watched, "r").as_deref(), Some("Host(`first.test`)"));
    assert!(told(&watched.latest, "\"r\" is already configured in"));
    assert!(told(&watched.latest, "z.yaml"));

    fs::write(path("m/new.yml"), router("n", "n.test")).unwrap();
    let took = watched.until("a new file", |c| c.routers.contains_key("n")).await;
    assert!(took < SOON, "{took:?}");
    fs::create_dir(path("fresh")).unwrap();
    fs::write(path("fresh/f.yml"), router("f", "f.test")).unwrap();
    watched.until("a new directory", |c| c.routers.contains_key("f")).await;
    fs::remove_file(path("a.yml")).unwrap();
    watched
        .until("the other's turn", |c| {
            c.routers["r"].value.rule.as_deref() == Some("Host(`late.test`)")
        })
        .await;
    assert!(watched.latest.findings.is_empty());

    // One broken file keeps its own last state, the others go on.
    fs::write(path("z.yaml"), "http: {").unwrap();
    fs::write(path("m/new.yml"), router("n2", "n2.test")).unwrap();
    watched.until("others go on", |c| routers(c) == ["f", "n2", "r", "t"]).await;
    watched.until("told", |c| told(c, "z.yaml")).await;
}

#[tokio::test]
async fn links_that_are_swapped() {
    // As Kubernetes mounts a ConfigMap: file -> ..data/file, ..data -> ..stamp.
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    for (stamp, host) in [("..1", "one.test"), ("..2", "two.test")] {
        fs::create_dir(path(stamp)).unwrap();
        fs::write(path(stamp).join("d.yml"), router("r", host)).unwrap();
    }
    symlink("..1", path("..data")).unwrap();
    symlink("..data/d.yml", path("d.yml")).unwrap();
    for settings in [file(&path("d.yml")), directory(room.path())] {
        let mut watched = follow(settings);
        watched.until("first", |c| routers(c) == ["r"]).await;
        let before = rule(&watched, "r");
        assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
        let now = fs::read_link(path("..data")).unwrap();
        let other = if now == Path::new("..1") { "..2" } else { "..1" };
        symlink(other, path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        let took = watched.until("swapped", |c| c.routers["r"].value.rule != before).await;
        assert!(took < SOON, "{took:?}");
    }
}

#[tokio::test]
async fn a_link_to_a_file_elsewhere() {
    let (room, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let target = elsewhere.path().join("real.yml");
    fs::write(&target, router("a", "a.test")).unwrap();
    let link = room.path().join("link.yml");
    symlink(&target, &link).unwrap();
    let mut watched = follow(file(&link));
    watched.until("first", |c| routers(c) == ["a"]).await;
    fs::write(&target, router("b", "b.test")).unwrap();
    let took = watched.until("the target", |c| routers(c) == ["b"]).await;
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn a_writer_that_is_half_way() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("d.yml");
    fs::write(&path, router("a", "a.test")).unwrap();
    let mut watched = follow(file(&path));
    watched.until("first", |c| routers(c) == ["a"]).await;
    fs::write(&path, "").unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    fs::write(&path, router("b", "b.test")).unwrap();
    let next = watched.next_within(support::PATIENCE).await.unwrap();
    assert_eq!(routers(&next), ["b"], "the empty moment must not be seen");
    // But what stays empty is empty.
    fs::write(&path, "").unwrap();
    watched.until("empty", |c| c.routers.is_empty()).await;
}

#[tokio::test]
async fn settings() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("d.yml");
    fs::write(&path, router("file", "a.test")).unwrap();
    let below = room.path().join("below");
    fs::create_dir(&below).unwrap();
    fs::write(below.join("d.yml"), router("directory", "a.test")).unwrap();

    let both = File { directory: Some(below.display().to_string()), ..file(&path) };
    let mut watched = follow(both);
    watched.until("the directory wins", |c| routers(c) == ["directory"]).await;

    let mut watched = follow(File { watch: false, ..file(&path) });
    watched.until("read once", |c| routers(c) == ["file"]).await;
    fs::write(&path, router("other", "a.test")).unwrap();
    assert!(watched.next_within(Duration::from_secs(1)).await.is_none());

    let odd = room.path().join("d.conf");
    fs::write(&odd, "").unwrap();
    let mut watched = follow(file(&odd));
    watched.until("an unknown format", |c| told(c, "its format is not known")).await;

    let mut install = Install::default();
    install.providers.file = Some(File::default());
    let (providers, findings) = swarmgate_discovery::providers(&install);
    assert!(providers.is_empty());
    assert!(findings[0].to_string().contains("expected a filename or a directory"));
}

#[tokio::test]
async fn what_cannot_be_read() {
    let room = tempfile::tempdir().unwrap();
    fs::write(room.path().join("bin.yml"), b"\xff\xfe\x00").unwrap();
    fs::write(room.path().join("good.yml"), router("good", "a.test")).unwrap();
    symlink("/no/such/target.yml", room.path().join("dangling.yml")).unwrap();
    symlink(room.path(), room.path().join("circle")).unwrap();
    let mut watched = follow(directory(room.path()));
    watched.until("the good one", |c| routers(c) == ["good"]).await;
    assert!(told(&watched.latest, "bin.yml: it cannot be read"));
    assert!(told(&watched.latest, "dangling.yml: it cannot be read"));
    assert_eq!(watched.latest.findings.len(), 2, "{:?}", watched.latest.findings);

    let gone = room.path().join("gone");
    let mut watched = follow(directory(&gone));
    watched.until("told", |c| told(c, "gone")).await;
}

/// Opening one waits until somebody writes to it, perhaps for ever.
#[tokio::test]
async fn a_fifo_holds_nobody_up() {
    let room = tempfile::tempdir().unwrap();
    let fifo = room.path().join("fifo.yml");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    fs::write(room.path().join("good.yml"), router("a", "a.test")).unwrap();
    let mut watched = follow(directory(room.path()));
    let took = watched.until("the others", |c| routers(c) == ["a"]).await;
    assert!(took < SOON, "{took:?}");
    assert!(told(&watched.latest, "fifo.yml: it cannot be read: it is no regular file"));
}
