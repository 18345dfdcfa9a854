# Read by Redmine's own configuration: a container's log goes to its standard output.
config.logger = ActiveSupport::Logger.new($stdout)
config.log_level = :warn
config.public_file_server.enabled = true
