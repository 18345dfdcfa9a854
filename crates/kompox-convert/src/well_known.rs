//! What is known of ports and images from common use. Pure data.

/// TCP ports inside containers that never speak HTTP: no default host is made for them.
pub(crate) const NOT_HTTP: &[(u16, &str)] = &[
    (21, "FTP"),
    (22, "SSH"),
    (23, "Telnet"),
    (25, "SMTP"),
    (53, "DNS"),
    (110, "POP3"),
    (111, "portmapper"),
    (139, "SMB"),
    (143, "IMAP"),
    (179, "BGP"),
    (222, "SSH"),
    (389, "LDAP"),
    (445, "SMB"),
    (465, "SMTP"),
    (514, "syslog"),
    (587, "SMTP"),
    (636, "LDAP"),
    (853, "DNS"),
    (873, "rsync"),
    (993, "IMAP"),
    (995, "POP3"),
    (1025, "SMTP"),
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (1883, "MQTT"),
    (1935, "RTMP"),
    (2049, "NFS"),
    (2181, "ZooKeeper"),
    (2222, "SSH"),
    (2525, "SMTP"),
    (3268, "LDAP"),
    (3306, "MySQL"),
    (3389, "RDP"),
    (3478, "STUN"),
    (4222, "NATS"),
    (4369, "Erlang port mapper"),
    (5222, "XMPP"),
    (5269, "XMPP"),
    (5432, "PostgreSQL"),
    (5433, "PostgreSQL"),
    (5671, "AMQP"),
    (5672, "AMQP"),
    (5900, "VNC"),
    (6379, "Redis"),
    (6380, "Redis"),
    (6667, "IRC"),
    (7687, "Bolt"),
    (8554, "RTSP"),
    (8883, "MQTT"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9094, "Kafka"),
    (11211, "memcached"),
    (25565, "Minecraft"),
    (26257, "CockroachDB"),
    (27017, "MongoDB"),
    (27018, "MongoDB"),
    (27019, "MongoDB"),
    (28015, "RethinkDB"),
    (33060, "MySQL"),
    (61613, "STOMP"),
    (61616, "OpenWire"),
    (64738, "Mumble"),
];

/// What usually changes the port of an image, by the last component of its name.
const PORT_SETTINGS: &[(&str, &str)] = &[
    ("caddy", "change the site address in its Caddyfile"),
    ("gitea", "set GITEA__server__HTTP_PORT"),
    ("grafana", "set GF_SERVER_HTTP_PORT"),
    ("httpd", "change `Listen` in its httpd.conf"),
    ("mariadb", "set MYSQL_TCP_PORT"),
    ("memcached", "set command: [memcached, -p, \"11212\"]"),
    ("minio", "add --address :9001 to its command"),
    ("mongo", "add --port 27018 to its command"),
    ("mysql", "set MYSQL_TCP_PORT"),
    ("nginx", "change `listen` in its configuration"),
    ("phpmyadmin", "set APACHE_PORT"),
    ("postgres", "set PGPORT"),
    ("redis", "set command: [redis-server, --port, \"6380\"]"),
    ("redmine", "set PORT"),
    ("traefik", "remove it: the cluster has an ingress controller"),
    ("valkey", "set command: [valkey-server, --port, \"6380\"]"),
];

/// The protocol that usually has this TCP port, unless that is HTTP.
pub(crate) fn not_http(port: u16) -> Option<&'static str> {
    NOT_HTTP.binary_search_by_key(&port, |(port, _)| *port).ok().map(|index| NOT_HTTP[index].1)
}

/// What usually changes the port that an image listens on.
pub(crate) fn port_setting(image: &str) -> Option<&'static str> {
    let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    PORT_SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, setting)| *setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_sorted_and_unique() {
        assert!(NOT_HTTP.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(not_http(5432), Some("PostgreSQL"));
        assert_eq!((not_http(80), not_http(3000)), (None, None));
    }

    #[test]
    fn images_are_known_by_their_last_component() {
        for image in ["postgres", "postgres:17", "registry.test:5000/library/postgres:17@sha256:00"] {
            assert_eq!(port_setting(image), Some("set PGPORT"), "{image}");
        }
        assert_eq!(port_setting("example/app"), None);
    }
}
