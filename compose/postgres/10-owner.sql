-- Runs once, as the superuser, when the data folder is made: the services' account is no superuser and owns one database.
-- The password comes from its file and stays out of arguments, environment and the server's log.
\getenv name PAPERGATE_DATABASE_NAME
\getenv owner PAPERGATE_DATABASE_USER
\set password `cat /run/secrets/DATABASE_PASSWORD`
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"owner";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
