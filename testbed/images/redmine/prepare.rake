# One start of the application instead of two: migrations, then the default data unless there are any.
namespace :testbed do
  task prepare: ["db:migrate"] do
    # The migrations changed tables these classes have looked at already.
    ActiveRecord::Base.descendants.each(&:reset_column_information)
    begin
      Redmine::DefaultData::Loader.load(ENV.fetch("REDMINE_LANG", "en"))
    rescue Redmine::DefaultData::DataAlreadyLoaded => e
      puts e.message
    end
  end
end
