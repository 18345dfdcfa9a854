<?php
// Written once by the image's entry point; the database is named by the environment.
function from_environment(string $name, string $default): string {
    $file = getenv("{$name}_FILE");
    if ($file !== false) {
        return rtrim(file_get_contents($file), "\r\n");
    }
    $value = getenv($name);
    return $value === false ? $default : $value;
}

define('DB_NAME', from_environment('WORDPRESS_DB_NAME', 'wordpress'));
define('DB_USER', from_environment('WORDPRESS_DB_USER', 'wordpress'));
define('DB_PASSWORD', from_environment('WORDPRESS_DB_PASSWORD', ''));
define('DB_HOST', from_environment('WORDPRESS_DB_HOST', 'mysql'));
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
$table_prefix = from_environment('WORDPRESS_TABLE_PREFIX', 'wp_');

// KEYS

// TLS ends at the ingress controller.
if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') {
    $_SERVER['HTTPS'] = 'on';
}
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
