//! Images of PHP applications from Debian packages, run inside Apache as their well-known images run them. Pure until a
//! tree is made.

use crate::image::archive::{Config, Set};
use crate::image::debian::Selection;
use crate::image::recipes::{Recipe, words};
use crate::image::servers::{Own, recipe, shell};
use crate::image::tree::Tree;

/// What these packages depend on for package scripts, other servers and pictures.
const WITHOUT: &[&str] = &[
    "apache2",
    "apache2-data",
    "apache2-utils",
    "default-mysql-client",
    "fontconfig-config",
    "fonts-dejavu-core",
    "libaom3",
    "libavif15",
    "libdav1d6",
    "libde265-0",
    "libfontconfig1",
    "libfreetype6",
    "libgav1-1",
    "libgd3",
    "libheif1",
    "libncurses6",
    "libncursesw6",
    "libproc2-0",
    "librav1e0",
    "libsvtav1enc1",
    "libx11-6",
    "libx11-data",
    "libx265-199",
    "libxcb1",
    "libxpm4",
    "libyuv0",
    "mariadb-client",
    "mariadb-client-core",
    "mariadb-common",
    "openssl",
    "php8.2-cli",
    "php8.2-gd",
    "procps",
    "psmisc",
];
const WORDPRESS: Selection = Selection {
    packages: &[
        "wordpress",
        "wordpress-theme-twentytwentythree",
        "libapache2-mod-php8.2",
        "php8.2-curl",
        "php8.2-mbstring",
        "php8.2-mysql",
        "php8.2-xml",
        "busybox-static",
        "dash",
    ],
    without: WITHOUT,
    leave_out: &["etc/apparmor.d", "usr/share/bug"],
};
const DOKUWIKI: Selection = Selection {
    packages: &[
        "dokuwiki",
        "libapache2-mod-php8.2",
        "php8.2-mbstring",
        "php8.2-xml",
        "busybox-static",
        "dash",
    ],
    without: WITHOUT,
    leave_out: &["etc/cron.daily", "etc/dokuwiki/acl.auth.php", "etc/dokuwiki/users.auth.php"],
};

const APACHE: Own = Own {
    path: "etc/apache2/apache2.conf",
    mode: 0o644,
    text: include_str!("../../../../testbed/images/php/apache.conf"),
};
const EXTENSIONS: Own = Own {
    path: "etc/php/8.2/apache2/conf.d/50-image.ini",
    mode: 0o644,
    text: include_str!("../../../../testbed/images/php/extensions.ini"),
};
const WORDPRESS_FILES: &[Own] = &[
    APACHE,
    EXTENSIONS,
    Own {
        path: "etc/php/8.2/apache2/conf.d/60-image.ini",
        mode: 0o644,
        text: "extension=curl\nextension=mysqlnd\nextension=mysqli\n",
    },
    Own {
        path: "entrypoint.sh",
        mode: 0o755,
        text: include_str!("../../../../testbed/images/wordpress/entrypoint.sh"),
    },
    Own {
        path: "usr/src/wp-config.php",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/wordpress/wp-config.php"),
    },
];
const DOKUWIKI_FILES: &[Own] = &[
    APACHE,
    EXTENSIONS,
    Own {
        path: "etc/apache2/site.conf",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/dokuwiki/site.conf"),
    },
    Own {
        path: "entrypoint.sh",
        mode: 0o755,
        text: include_str!("../../../../testbed/images/dokuwiki/entrypoint.sh"),
    },
    Own {
        path: "usr/share/dokuwiki/inc/preload.php",
        mode: 0o644,
        text: include_str!("../../../../testbed/images/dokuwiki/preload.php"),
    },
];
/// This very file: a change in how a tree is finished makes a new image.
const REVISION: &str = include_str!("php.rs");
/// The user `www-data` in `testbed/images/passwd`.
const SERVER_USER: u64 = 33;

/// WordPress: the entry point fills the volume at `/var/www/html`, as the well-known image does.
pub(super) fn wordpress() -> Recipe {
    let config = Config {
        exposed_ports: Set(vec!["80/tcp"]),
        volumes: Set(vec!["/var/www/html"]),
        working_dir: "/var/www/html".to_owned(),
        ..apache("80", "/var/www/html")
    };
    recipe(REVISION, "localhost/wordpress:6", &WORDPRESS, WORDPRESS_FILES, config, |tree| {
        shell(tree);
        certificates(tree);
        tree.rename("usr/share/wordpress", "usr/src/wordpress");
        tree.remove("usr/src/wordpress/wp-config.php");
        // The package's own relative links lead here.
        tree.symlink("usr/src/php", "../share/php");
        tree.symlink("usr/src/javascript", "../share/javascript");
        tree.folder("var/www/html", 0o755, SERVER_USER);
    })
}

/// DokuWiki: settings and pages on one volume at `/storage`, served on 8080 so that any user will do.
pub(super) fn dokuwiki() -> Recipe {
    let config = Config {
        exposed_ports: Set(vec!["8080/tcp"]),
        volumes: Set(vec!["/storage"]),
        working_dir: "/storage".to_owned(),
        ..apache("8080", "/usr/share/dokuwiki")
    };
    recipe(REVISION, "localhost/dokuwiki:1", &DOKUWIKI, DOKUWIKI_FILES, config, |tree| {
        shell(tree);
        tree.rename("etc/dokuwiki", "usr/share/dokuwiki-first/conf");
        tree.rename("var/lib/dokuwiki/data", "usr/share/dokuwiki-first/data");
        // Packaged for one user only; here the copy's owner is whoever starts the container.
        tree.readable("usr/share/dokuwiki-first");
        // The set-up page looks for both beside itself.
        tree.symlink("usr/share/dokuwiki/conf", "/storage/conf");
        tree.symlink("usr/share/dokuwiki/data", "/storage/data");
        tree.symlink("var/lib/dokuwiki/data", "/storage/data");
        tree.folder("storage", 0o755, 1000);
    })
}

fn apache(port: &str, root: &str) -> Config {
    Config {
        env: vec![
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
            "LANG=C.UTF-8".to_owned(),
            format!("APACHE_PORT={port}"),
            format!("APACHE_ROOT={root}"),
            "PHP_TIMEZONE=UTC".to_owned(),
            "PHP_MEMORYLIMIT=256M".to_owned(),
            "PHP_UPLOADLIMIT=64M".to_owned(),
        ],
        entrypoint: words(&["/entrypoint.sh"]),
        cmd: words(&["apache2", "-D", "FOREGROUND"]),
        stop_signal: "SIGWINCH".to_owned(),
        ..Config::default()
    }
}

/// The bundle of authorities that a package script would have made.
pub(super) fn certificates(tree: &mut Tree) {
    let folder = "usr/share/ca-certificates";
    let bundle = tree.contents_below(folder).fold(Vec::new(), |mut all, one| {
        all.extend_from_slice(one);
        all.push(b'\n');
        all
    });
    tree.remove(folder);
    tree.text("etc/ssl/certs/ca-certificates.crt", 0o644, &String::from_utf8_lossy(&bundle));
}
