<?php
// Debian's own file here looks for settings below /etc; those of this image are where DokuWiki itself expects them.
// TLS ends at the ingress controller.
if (($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') {
    $_SERVER['HTTPS'] = 'on';
}
