//! Images of real servers from Debian packages, each with an entry point of our own that honours
//! the variables of the well-known image of the same name. Pure until a tree is made.

use crate::image::archive::{Config, Set};
use crate::image::debian::{self, Selection};
use crate::image::recipes::{Recipe, accounts, applets, words};
use crate::image::tree::{Content, Entry, Node, Tree};
use crate::key::Key;

/// A file of `testbed/images` with its place in the image and its permissions.
pub(super) struct Own {
    pub(super) path: &'static str,
    pub(super) mode: u32,
    pub(super) text: &'static str,
}

const NGINX: Selection = Selection {
    packages: &["nginx-light", "busybox-static", "dash"],
    without: &["iproute2"],
    leave_out: &[],
};
const NGINX_FILES: &[Own] = &[
    Own {
        path: "etc/nginx/nginx.conf",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/nginx/nginx.conf"),
    },
    Own {
        path: "etc/nginx/conf.d/default.conf",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/nginx/default.conf"),
    },
    Own {
        path: "usr/share/nginx/html/index.html",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/nginx/index.html"),
    },
];

const POSTGRES: Selection = Selection {
    packages: &["postgresql-15", "busybox-static", "dash"],
    // Only just-in-time compilation needs these two.
    without: &["libllvm14", "libz3-4", "locales", "libc-l10n", "openssl", "postgresql-common"],
    leave_out: &["usr/lib/postgresql/15/lib/bitcode", "usr/lib/postgresql/15/lib/llvmjit.so"],
};
const POSTGRES_FILES: &[Own] = &[Own {
    path: "entrypoint.sh",
    mode: 0o755,
    text: include_str!("../../../../testbed/images/postgres/entrypoint.sh"),
}];
/// The user `postgres` in `testbed/images/passwd`.
const POSTGRES_USER: u64 = 999;

const MARIADB: Selection = Selection {
    packages: &["mariadb-server-core", "mariadb-client-core", "busybox-static", "dash"],
    without: &[],
    leave_out: &["usr/share/mysql/mysql_test_data_timezone.sql"],
};
const MARIADB_FILES: &[Own] = &[
    Own {
        path: "entrypoint.sh",
        mode: 0o755,
        text: include_str!("../../../../testbed/images/mariadb/entrypoint.sh"),
    },
    Own {
        path: "usr/local/bin/healthcheck.sh",
        mode: 0o755,
        text: include_str!("../../../../testbed/images/mariadb/healthcheck.sh"),
    },
];
/// The user `mysql` in `testbed/images/passwd`.
const MARIADB_USER: u64 = 997;

const REDMINE: Selection = Selection {
    packages: &["redmine", "redmine-pgsql", "puma", "busybox-static", "dash"],
    // Picture conversion, which only thumbnails need, with the codecs it brings.
    without: &[
        "fontconfig-config",
        "fonts-dejavu-core",
        "imagemagick-6-common",
        "libaom3",
        "libdav1d6",
        "libde265-0",
        "libfftw3-double3",
        "libglib2.0-0",
        "libheif1",
        "libmagickcore-6.q16-6",
        "libmagickwand-6.q16-6",
        "libx265-199",
        "openssl",
        "postgresql-client-15",
        "ruby-rmagick",
    ],
    leave_out: &["usr/share/icons", "usr/share/X11"],
};
const REDMINE_FILES: &[Own] = &[
    Own {
        path: "entrypoint.sh",
        mode: 0o755,
        text: include_str!("../../../../testbed/images/redmine/entrypoint.sh"),
    },
    Own {
        path: "usr/src/redmine/config/database.yml",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/redmine/database.yml"),
    },
    Own {
        path: "usr/src/redmine/lib/tasks/testbed.rake",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/redmine/prepare.rake"),
    },
    Own {
        path: "usr/src/redmine/config/additional_environment.rb",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/redmine/environment.rb"),
    },
];
/// The user `redmine` in `testbed/images/passwd`.
const REDMINE_USER: u64 = 998;

/// Packages and files of ours, with what the image adds to them. `revision` stands for the code of `finish` in the key.
pub(super) fn recipe(
    revision: &str,
    reference: &str,
    selection: &'static Selection,
    own: &'static [Own],
    config: Config,
    finish: fn(&mut Tree),
) -> Recipe {
    let key = own.iter().fold(Key::default().text(revision).text(format!("{selection:?}")), |key, file| {
        key.text(file.path).text(file.text)
    });
    Recipe {
        reference: reference.to_owned(),
        key: key.short(),
        config,
        tree: Box::new(move |layout| {
            let mut tree = debian::tree(layout, selection)?;
            finish(&mut tree);
            applets(layout, &mut tree)?;
            accounts(&mut tree);
            for file in own {
                tree.text(file.path, file.mode, file.text);
            }
            Ok(tree)
        }),
    }
}

/// nginx as the well-known image lays it out.
pub(super) fn nginx() -> Recipe {
    let config = Config {
        cmd: words(&["nginx"]),
        exposed_ports: Set(vec!["80/tcp"]),
        stop_signal: "SIGQUIT".to_owned(),
        ..Config::default()
    };
    recipe("server 1", "localhost/nginx:1", &NGINX, NGINX_FILES, config, |tree| {
        shell(tree);
        tree.folder("var/log/nginx", 0o755, 0);
        tree.folder("var/lib/nginx", 0o755, 0);
    })
}

/// PostgreSQL: starts as root to take over a fresh volume, serves as the user postgres.
pub(super) fn postgres() -> Recipe {
    let config = Config {
        env: vec![
            "PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                .to_owned(),
            "PGDATA=/var/lib/postgresql/data".to_owned(),
            "LANG=C.UTF-8".to_owned(),
        ],
        entrypoint: words(&["/entrypoint.sh"]),
        cmd: words(&["postgres"]),
        exposed_ports: Set(vec!["5432/tcp"]),
        volumes: Set(vec!["/var/lib/postgresql/data"]),
        // Ends sessions instead of waiting for them.
        stop_signal: "SIGINT".to_owned(),
        ..Config::default()
    };
    recipe("server 1", "localhost/postgres:15", &POSTGRES, POSTGRES_FILES, config, |tree| {
        shell(tree);
        tree.folder("docker-entrypoint-initdb.d", 0o755, 0);
        tree.folder("run/postgresql", 0o2775, POSTGRES_USER);
        tree.folder("var/lib/postgresql", 0o755, POSTGRES_USER);
        tree.folder("var/lib/postgresql/data", 0o700, POSTGRES_USER);
    })
}

/// MariaDB: starts as root to take over a fresh volume, serves as the user mysql.
pub(super) fn mariadb() -> Recipe {
    let config = Config {
        env: vec![
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            "LANG=C.UTF-8".to_owned(),
        ],
        entrypoint: words(&["/entrypoint.sh"]),
        cmd: words(&["mariadbd"]),
        exposed_ports: Set(vec!["3306/tcp"]),
        volumes: Set(vec!["/var/lib/mysql"]),
        ..Config::default()
    };
    recipe("server 1", "localhost/mariadb:10", &MARIADB, MARIADB_FILES, config, |tree| {
        shell(tree);
        tree.folder("docker-entrypoint-initdb.d", 0o755, 0);
        tree.folder("run/mysqld", 0o755, MARIADB_USER);
        tree.folder("var/lib/mysql", 0o755, MARIADB_USER);
    })
}

/// Redmine with puma, at the well-known image's paths. Debian's package keeps several instances
/// apart below `instances`; here the only one is the application's own folder.
pub(super) fn redmine() -> Recipe {
    let config = Config {
        env: words(&["LANG=C.UTF-8", "RAILS_ENV=production"]),
        entrypoint: words(&["/entrypoint.sh"]),
        cmd: words(&[
            "puma",
            "--bind",
            "tcp://0.0.0.0:3000",
            "--environment",
            "production",
            "--threads",
            "1:4",
        ]),
        working_dir: "/usr/src/redmine".to_owned(),
        exposed_ports: Set(vec!["3000/tcp"]),
        volumes: Set(vec!["/usr/src/redmine/files"]),
        ..Config::default()
    };
    recipe("server 1", "localhost/redmine:5", &REDMINE, REDMINE_FILES, config, |tree| {
        shell(tree);
        tree.rename("usr/share/redmine", "usr/src/redmine");
        tree.symlink("usr/share/redmine", "/usr/src/redmine");
        // The application's own relative links lead here.
        tree.symlink("usr/src/javascript", "../share/javascript");
        tree.symlink("usr/src/ruby-jquery-rails", "../share/ruby-jquery-rails");
        tree.folder("usr/src/redmine/instances", 0o755, 0);
        tree.symlink("usr/src/redmine/instances/default", "..");
        for folder in ["files", "log", "tmp", "tmp/cache", "tmp/pdf", "public/plugin_assets"] {
            tree.folder(&format!("usr/src/redmine/{folder}"), 0o755, REDMINE_USER);
        }
        // Debian makes this a link to where its package scripts would write it.
        tree.symlink("usr/src/redmine/Gemfile.lock", "tmp/Gemfile.lock");
        let lock = Node::File(Content::Bytes(Vec::new()));
        tree.put(
            "usr/src/redmine/tmp/Gemfile.lock",
            Entry { mode: 0o644, user: REDMINE_USER, group: REDMINE_USER, node: lock },
        );
    })
}

/// dash as `/bin/sh`: busybox as the shell would prefer its own applets to real programs.
pub(super) fn shell(tree: &mut Tree) {
    if !tree.has("usr/bin/sh") {
        tree.symlink("usr/bin/sh", "dash");
    }
}
