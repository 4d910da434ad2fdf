-- The roles and schemas of the four services, in the database this is run against with psql. May be run again.
--
-- Each service logs in as its own role, owns its own schema, and can neither read nor enter another's. Unqualified
-- names resolve in the service's schema. Passwords come from the environment: CASELOOP_<SERVICE>_PASSWORD.

\set ON_ERROR_STOP on
\set VERBOSITY terse
SET client_min_messages = warning;

\getenv intake_password CASELOOP_INTAKE_PASSWORD
\getenv audit_password CASELOOP_AUDIT_PASSWORD
\getenv remedial_password CASELOOP_REMEDIAL_PASSWORD
\getenv reporting_password CASELOOP_REPORTING_PASSWORD

BEGIN;
-- Roles belong to the whole cluster: two runs of this at once must not both create them.
SELECT pg_advisory_xact_lock(hashtext('caseloop.bootstrap'));

CREATE TEMPORARY TABLE service (name text, password text) ON COMMIT DROP;
INSERT INTO service VALUES
  ('intake', :'intake_password'),
  ('audit', :'audit_password'),
  ('remedial', :'remedial_password'),
  ('reporting', :'reporting_password');

SELECT format('CREATE ROLE %I LOGIN', 'caseloop_' || name) FROM service
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'caseloop_' || name)
\gexec

SELECT format('ALTER ROLE %I PASSWORD %L', 'caseloop_' || name, password) FROM service
\gexec

SELECT format('ALTER ROLE %I SET search_path = %I', 'caseloop_' || name, name) FROM service
\gexec

SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', name, 'caseloop_' || name) FROM service
\gexec

REVOKE ALL ON SCHEMA public FROM PUBLIC;
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
\gexec

SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), 'caseloop_' || name) FROM service
\gexec
COMMIT;
