/* sshkeys.h - public keys made by ssh-keygen, with the fingerprints that it prints */
#ifndef TEST_SSHKEYS_H
#define TEST_SSHKEYS_H

static const struct {
	const char *type, *base64, *sha256;
} sshkeys[] = {
	{ "ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVPyV7R0QOLuEEj",
	    "SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI" },
	{ "ecdsa-sha2-nistp256",
	    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKmg5s3x2ADgIMVKY08rbLSI"
	    "oP0k7E9FFChT4r+zjZehfK/hf59PwljqndTPeKPV+hREejDh9r4o0GQ/kJzyig0=",
	    "SHA256:Qlgsx3fjDwfNOREjfjkQPDczIgs2I9QWqLMcMItl8fQ" },
	{ "ecdsa-sha2-nistp384",
	    "AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBCtnzkOQ/kNUscWVr4BbeiAP"
	    "PJ0T3KXEKrInVAT8G4/tt6aOqPC7Oqe3gj5evV3YyFYpasPTuZZOZx2yeUHOu7aF88X6q9QgVx2u"
	    "KkLLq18aOo3p9z/8fMBzeYf3bW8JIw==",
	    "SHA256:rPfwGDGeQsflW49tiLrLp6zknJkxpkNDOtmVR4FHmno" },
	{ "ecdsa-sha2-nistp521",
	    "AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAA0ws9YuVJW758+wkQitJcI"
	    "IgFJsYTVuaCIXmQpX8jeLss0iXAH9z1t4+j6iOwiJo4kwB0vuSi2I+xT1Jhi7CuxWAGroDozNk01"
	    "XYweZCJ+ozoI3t8nbTHlwNm/JqFuc4FCYX3j2LmgSgYnvHfhThErEbfYApGCMecSfL8hlUwEkBi1"
	    "Ug==",
	    "SHA256:ekUD8UZxolH+o5yh69IOx9XWsA0Pt1G8OK7QzRRdPGk" },
	{ "ssh-rsa",
	    "AAAAB3NzaC1yc2EAAAADAQABAAABAQCL2Lq0tx0Yy5GiKp25kg/EdFUitxJ4xc4rkK0DD81IgB9O"
	    "fTO3AdCPXa2xL6wXjiOjCPYDcqoXRMMhjZ0Kx6x6iqmTlnPY3vpcpXf/m/WtqmAYWd90ON+HDcBY"
	    "bqqE51avfu80Qz7t0DP3p2m0J9yvR+Ih5KcM/B5JJQ57oGq8ZDav4Ee2F/JelTxB81LJag73mo27"
	    "Zb9Bk2nGguPBollJgj7tfTQQjrt1HITxI4lUcW0I2eswJc45Oxp3PT/4NKMukBV9tLCORPbioRea"
	    "6SXKD6tn9z0l4Mn1sNoMb7ZUsWfORjeVDc1quXuziO7laGmgmKL0Y0IZ4vFLWLU+8B15",
	    "SHA256:2q5548tq8eQo/bDXgOFOl118cm4kUcNVUCwB5Y6wCTQ" },
	{ "sk-ssh-ed25519@openssh.com",
	    "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVP"
	    "yV7R0QOLuEEjAAAABHNzaDo=",
	    "SHA256:yeiNeFQd4kfANFLMaq54gUTcg/idep+h1HHyem+U7yI" },
	{ "sk-ecdsa-sha2-nistp256@openssh.com",
	    "AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBKmg"
	    "5s3x2ADgIMVKY08rbLSIoP0k7E9FFChT4r+zjZehfK/hf59PwljqndTPeKPV+hREejDh9r4o0GQ/"
	    "kJzyig0AAAAEc3NoOg==",
	    "SHA256:NszeCYtl1ylA8OXfX4W07z0So1xY7UfpSUBiQwXtm6U" },
};
#define NSSHKEYS (sizeof(sshkeys) / sizeof(sshkeys[0]))

/* A user certificate of sshd on the first of them. */
static const char sshkey_cert[] =
    "ssh-ed25519-cert-v01@openssh.com "
    "AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAILlTiRJAs0e5RxBQZUHwnK2t"
    "Tc2UKgQmjofSYcIWOQEmAAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVPyV7R0QOLuEEjAAAAAAAA"
    "AAAAAAABAAAAAXgAAAAJAAAABWFsaWNlAAAAAAAAAAD//////////wAAAAAAAACCAAAAFXBlcm1p"
    "dC1YMTEtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBl"
    "cm1pdC1wb3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2Vy"
    "LXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIAhy9B4xlpyewIXK+RI++VYgc4yufTdj"
    "/SsAMkVtqaCMAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEC03nV/OiAWoO99WG62KnQtzXgrWyJluY5h"
    "JhGu1rMeJCJYwus76ZiH9cM+qdmikTRjJJCR6uoXF6WAl4qdlagD";

#endif
