//! The apps below `examples` on a real cluster as a new user meets them: the first page over HTTPS, the set-up or a
//! log-in, something written, and all of it there after a redeploy and after destroy and deploy.

mod bed;
mod browser;

use bed::{App, bed};
use browser::{Browser, hidden};
use kompox_testbed::Image;
use std::fs;
use std::path::{Path, PathBuf};

const PASSWORD: &str = "s3cret & more";

/// An example, deployed.
struct Example {
    app: App,
    service: &'static str,
    browser: Browser,
}

impl Example {
    /// Copies the folder, fills in what its kompoxops.yml leaves open, gives it a name of this run, and deploys it.
    fn deployed(name: &'static str, images: &[Image], route: &str) -> Self {
        let bed = bed();
        bed.cluster.load(&bed.testbed.ensure_images(images).expect("images")).expect("images on the node");
        let folder = examples().join(name);
        let read = |file: &Path| fs::read_to_string(file).expect("a text file");
        let app = App::new(name, &read(&folder.join("compose.yml")));
        for entry in fs::read_dir(&folder).expect("the example") {
            let path = entry.expect("an entry").path();
            let file = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let text = read(&path)
                .replace("${KOMPOX_NODE_IMAGE}", &bed.node_image)
                .replace("${KUBECONFIG}", &bed.cluster.kubeconfig().display().to_string())
                .replace("${K3S_DISK_STORE}", &bed.cluster.disk_store().display().to_string());
            let renamed = text.replace(&format!("\n  name: {name}\n"), &format!("\n  name: {}\n", app.name));
            app.write(&file, &renamed);
        }
        let address = bed.cluster.node_address().into();
        let host = format!("{}{route}.local.kompox.test", app.name);
        let shown = app.deploy();
        assert!(shown.contains(&format!("https://{host} ")), "{shown}");
        let browser = Browser::new(address, bed.cluster.ingress_authority(), &host);
        Self { app, service: name, browser }
    }

    /// Looks for what was written after everything that must not lose it.
    fn keeps(mut self, look: impl Fn(&mut Browser)) {
        look(&mut self.browser);
        let pod = |app: &App| app.pod()["metadata"]["name"].as_str().expect("a name").to_owned();
        let before = pod(&self.app);
        let compose = fs::read_to_string(self.app.folder().join("compose.yml")).expect("compose.yml");
        let service = format!("  {}:\n", self.service);
        self.app
            .write("compose.yml", &compose.replacen(&service, &format!("{service}    mem_limit: 640m\n"), 1));
        self.app.deploy();
        assert_ne!(pod(&self.app), before, "a memory limit makes a new Pod");
        look(&mut self.browser);
        self.app.ok(&["--yes", "app", "destroy", "--delete-namespace"]);
        self.app.deploy();
        look(&mut self.browser);
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn mark() -> String {
    format!("Mark {}", std::process::id())
}

#[test]
fn dokuwiki_keeps_its_pages() {
    let mut example = Example::deployed("dokuwiki", &[Image::Dokuwiki], "-8080");
    let browser = &mut example.browser;
    browser.sees("/install.php", "DokuWiki Installer");
    let answers = [
        ("d[title]", "Proof"),
        ("d[acl]", "on"),
        ("d[superuser]", "admin"),
        ("d[fullname]", "An Admin"),
        ("d[email]", "admin@example.com"),
        ("d[password]", PASSWORD),
        ("d[confirm]", PASSWORD),
        ("d[policy]", "1"),
        ("d[license]", "0"),
        ("submit", ""),
    ];
    let done = browser.submits("/install.php", &answers);
    assert!(done.body.contains("finished successfully"), "{}", done.body);
    let form = browser.gets("/doku.php?id=start&do=login", &[]);
    let login = [("sectok", &*hidden(&form, "sectok")), ("do", "login"), ("u", "admin"), ("p", PASSWORD)];
    browser.submits("/doku.php?id=start", &login);
    let editor = browser.sees("/doku.php?id=start&do=edit", "wiki__text");
    let mut fields: Vec<(&str, String)> =
        ["sectok", "rev", "date", "prefix", "suffix", "changecheck", "target"]
            .into_iter()
            .map(|name| (name, hidden(&editor, name)))
            .collect();
    let text = mark();
    fields.extend([("id", "start".to_owned()), ("wikitext", text.clone()), ("do[save]", "1".to_owned())]);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.submits("/doku.php?id=start&do=edit", &fields);
    // Whoever asked for `user: 1000:1000` wants the files to belong to that user.
    let owner = example.app.exec("dokuwiki", &["stat", "-c", "%u:%g", "/storage/data/pages/start.txt"]);
    assert_eq!(owner.trim(), "1000:1000");
    example.keeps(|browser| {
        browser.sees("/doku.php?id=start", &text);
        // Still signed in: the session's secret is on the disk as well.
        browser.sees("/doku.php?id=start&do=profile", "admin@example.com");
    });
}

#[test]
fn wordpress_keeps_its_posts() {
    let mut example = Example::deployed("wordpress", &[Image::Wordpress, Image::Mariadb], "-8080");
    let browser = &mut example.browser;
    // Nothing in its compose file waits for the database; a visitor sees an error until it answers.
    browser.sees("/wp-admin/install.php", "weblog_title");
    let answers = [
        ("weblog_title", "Proof"),
        ("user_name", "admin"),
        ("admin_password", PASSWORD),
        ("admin_password2", PASSWORD),
        ("pw_weak", "1"),
        ("admin_email", "admin@example.com"),
        ("blog_public", "0"),
        ("language", ""),
    ];
    let done = browser.submits("/wp-admin/install.php?step=2", &answers);
    assert!(done.body.contains("Success!"), "{}", done.body);
    browser.submits("/wp-login.php", &[("log", "admin"), ("pwd", PASSWORD), ("wp-submit", "Log In")]);
    let text = mark();
    let editor = browser.sees("/wp-admin/", "quick-press");
    let nonce = hidden_after(&editor, "id=\"quick-press\"", "_wpnonce");
    let post = hidden_after(&editor, "id=\"quick-press\"", "post_ID");
    let draft = [
        ("action", "post-quickdraft-save"),
        ("post_title", &*text),
        ("content", "Body"),
        ("post_ID", &*post),
    ];
    let draft: Vec<_> = draft.into_iter().chain([("_wpnonce", &*nonce), ("post_type", "post")]).collect();
    browser.submits("/wp-admin/post.php", &draft);
    example.app.exec("wordpress", &["sh", "-c", &format!("echo '{text}' > wp-content/uploads.txt")]);
    example.keeps(|browser| {
        browser.sees("/", "Proof");
        browser.sees("/wp-content/uploads.txt", &text);
        browser.sees("/wp-admin/edit.php", &text);
    });
}

#[test]
fn miniflux_keeps_its_categories() {
    let mut example = Example::deployed("miniflux", &[Image::Miniflux, Image::Postgres], "");
    let browser = &mut example.browser;
    let page = browser.sees("/", "Sign In - Miniflux");
    let login = [("csrf", &*hidden(&page, "csrf")), ("username", "admin"), ("password", "an-example-only")];
    browser.submits("/login", &login);
    let form = browser.sees("/category/create", "csrf");
    let text = mark();
    browser.submits("/category/save", &[("csrf", &*hidden(&form, "csrf")), ("title", &*text)]);
    example.keeps(|browser| {
        browser.sees("/categories", &text);
    });
}

/// The hidden field in the part of a page that begins with some text.
fn hidden_after(page: &str, start: &str, name: &str) -> String {
    let (_, part) = page.split_once(start).expect("the part of the page");
    hidden(part, name)
}
