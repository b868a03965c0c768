"""What it is deployed with: settings, policy, container, unit, cluster, proxy; each as it is read by what reads it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from dotenv import dotenv_values
from pydantic import SecretStr

from bot.cli import COMMANDS
from bot.cli.exits import MEND_FIRST
from bot.domain.place import Places
from bot.policy.file import read_policy
from bot.settings import Settings, read_settings
from tests.needs import needs
from tests.patient import LONGEST
from tests.processes import MEASURED

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / ".env.example").read_text()
UNIT = (ROOT / "deploy" / "billing-bot.service").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yml").read_text())
CLAIM, DEPLOYMENT = yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yml").read_text())
POD = DEPLOYMENT["spec"]["template"]["spec"]
NGINX = (ROOT / "deploy" / "nginx.conf").read_text()
FILLED = {
    "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "BILLING_CHANNEL": "C0123ABCD",
    "ZUORA_BASE_URL": "https://rest.test.zuora.com", "ZUORA_CLIENT_ID": "id",
    "ZUORA_CLIENT_SECRET": "secret", "ZUORA_TENANT_ID": "12270",
}  # fmt: skip
SHOWN = re.compile(r"^(?:# )?([A-Z_]+)=(.*)$", re.MULTILINE)


# .env.example and policy.example.toml


def test_the_example_names_every_setting_once():
    assert sorted(name for name, _ in SHOWN.findall(EXAMPLE)) == sorted(
        name.upper() for name in Settings.model_fields
    )


def test_what_is_to_be_filled_in_is_empty_and_the_rest_is_a_comment():
    given = re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE)

    assert dict(given) == dict.fromkeys(FILLED, "")


ODD = ("Europe=1, US=2", "a#b", "x #y", "pa$$w${HOME}", "(a) `b` & c; d", 'say "x"', "plain")
"""Values that something could read otherwise than they stand there."""


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("reader", ["bot", "shell", "docker", "compose"])
def test_a_value_in_single_quotes_is_the_same_for_all_who_read_the_file(
    tmp_path, monkeypatch, reader, value
):
    """As `.env.example` says; what reads the file hands it on in the environment, the bot itself reads it where it is."""
    line = f"ANCHOR_FOLDER='{value}'"
    (tmp_path / ".env").write_text(f"{line}\n")
    monkeypatch.chdir(tmp_path)
    handed_on = {
        "bot": lambda: None,
        "shell": lambda: subprocess.run(
            ["/bin/sh", "-c", '. ./.env; printf %s "$ANCHOR_FOLDER"'],
            capture_output=True, text=True, check=True,
        ).stdout,
        "docker": lambda: line.partition("=")[2],  # its manual: what follows the sign, as it is
        "compose": lambda: line.partition("=")[2].strip("'"),  # its manual: single quotes are literal
    }[reader]()  # fmt: skip
    for name, given in FILLED.items():
        monkeypatch.setenv(name, given)
    if handed_on is not None:
        (tmp_path / ".env").unlink()
        monkeypatch.setenv("ANCHOR_FOLDER", handed_on)

    assert read_settings("run").anchor_folder == value


def test_what_is_commented_out_is_the_default(tmp_path):
    file = tmp_path / ".env"
    filled = re.sub(
        r"^([A-Z_]+)=$", lambda m: f"{m[1]}={FILLED[m[1]]}", EXAMPLE, flags=re.MULTILINE
    )
    file.write_text(re.sub(r"^# ([A-Z_]+=.+)$", r"\1", filled, flags=re.MULTILINE))
    found = {name.lower(): value for name, value in dotenv_values(file).items()}

    read, defaults = Settings.model_validate(found), Settings.model_validate(
        {name.lower(): value for name, value in FILLED.items()}
    )  # fmt: skip

    assert read == defaults
    for name, field in Settings.model_fields.items():
        shown = dict(SHOWN.findall(EXAMPLE))[name.upper()]
        if name.upper() not in FILLED and not isinstance(field.default, SecretStr):
            assert bool(shown) is (field.default not in ("", None)), name


def test_no_comment_stands_behind_a_value():
    """systemd, Docker and Kubernetes take it for a part of the value."""
    assert [value for _, value in SHOWN.findall(EXAMPLE) if "#" in value or " " in value] == []


def test_the_policy_to_begin_with_can_be_read_and_asks_for_two_where_it_matters():
    policy = read_policy(ROOT / "policy.example.toml", Places((), ()))

    assert policy.requesters
    assert policy.approvers
    assert {tier.rule.approvals for tier in policy.tiers} == {2}


# systemd


@needs("systemd-analyze", shutil.which("systemd-analyze"), "Install systemd.")
def test_the_unit_is_one_that_systemd_takes(tmp_path):
    unit = tmp_path / "billing-bot.service"
    unit.write_text(UNIT.replace("/opt/billing-bot/bin/billing-bot", sys.executable))

    done = subprocess.run(  # noqa: S603 - the machine's own
        [shutil.which("systemd-analyze") or "", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_again_what_passes_and_not_what_a_person_must_change():
    values = dict(re.findall(r"^(\w+)=(.*)$", UNIT, re.MULTILINE))

    assert values["Restart"] == "on-failure"
    assert values["RestartPreventExitStatus"] == str(MEND_FIRST)
    assert values["ExecStart"].split()[-1] in COMMANDS
    assert int(values["TimeoutStopSec"]) > 20
    assert "Environment" not in values  # the bot reads .env again when it is reloaded
    assert "EnvironmentFile" not in values
    assert values["ExecReload"] == "/bin/kill -HUP $MAINPID"


SETTINGS = {name.upper() for name in Settings.model_fields}


# Compose and Kubernetes


def test_compose_runs_one_container_that_writes_to_one_volume():
    assert list(COMPOSE["services"]) == ["bot"]
    bot = COMPOSE["services"]["bot"]

    assert bot["command"][0] in COMMANDS
    assert bot["read_only"] is True
    assert [each for each in bot["volumes"] if not each.endswith(":ro")] == ["data:/data"]
    assert set(bot["environment"]) <= SETTINGS
    assert bot["environment"]["DATABASE_URL"].removeprefix("sqlite:///").startswith("/data/")
    assert int(bot["stop_grace_period"].removesuffix("s")) > 20
    assert (ROOT / "deploy" / bot["build"] / "Dockerfile").exists()
    assert bot["environment"]["HEALTH_PORT"] in str(bot["healthcheck"]["test"])


def test_kubernetes_runs_one_pod_on_a_volume_that_no_other_has():
    (container,) = POD["containers"]

    assert CLAIM["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert DEPLOYMENT["spec"]["replicas"] == 1
    assert DEPLOYMENT["spec"]["strategy"] == {"type": "Recreate"}
    assert container["args"][0] in COMMANDS
    assert {each["name"] for each in container["env"]} <= SETTINGS
    assert POD["terminationGracePeriodSeconds"] > 20
    mounted = {each["name"] for each in container["volumeMounts"]}
    assert mounted == {each["name"] for each in POD["volumes"]}
    (data,) = [each for each in POD["volumes"] if "persistentVolumeClaim" in each]
    assert data["persistentVolumeClaim"]["claimName"] == CLAIM["metadata"]["name"]


def test_kubernetes_runs_it_as_the_container_does_and_lets_it_do_nothing_else():
    (container,) = POD["containers"]
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)

    assert user
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] == int(user[1]) != 0
    assert POD["securityContext"]["fsGroup"] == int(user[2])
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_kubernetes_asks_what_the_bot_answers(probe):
    (container,) = POD["containers"]
    asked, ports = container[probe]["httpGet"], {each["name"] for each in container["ports"]}
    routes = {
        path
        for file in (ROOT / "bot").rglob("*.py")
        for path in re.findall(r'"(/[a-z]+)"', file.read_text())
    }

    assert asked["path"] in routes
    assert asked["port"] in ports


# The proxy


def test_the_proxy_lets_slack_through_and_nobody_else():
    assert NGINX.count("{") == NGINX.count("}")
    assert re.findall(r"location (= )?(\S+) \{", NGINX) == [("= ", "/slack/events"), ("", "/")]
    assert "proxy_request_buffering off" not in NGINX
    assert f"127.0.0.1:{Settings.model_fields['port'].default}" in NGINX


@needs("nginx", shutil.which("nginx"), "Install nginx.")
def test_the_proxy_is_one_that_nginx_takes(tmp_path):
    without_keys = re.sub(r"^\s*ssl_certificate.*$", "", NGINX, flags=re.MULTILINE)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"events {{}}\nhttp {{\n{without_keys.replace('443 ssl', '127.0.0.1:8443')}\n}}\n"
    )

    done = subprocess.run(  # noqa: S603 - the machine's own
        [shutil.which("nginx") or "", "-t", "-p", str(tmp_path), "-c", str(whole)],
        capture_output=True, text=True, check=False, timeout=LONGEST,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


# The container: its steps one by one, as no builder has to be there


class Container:
    """Obeys a Dockerfile in a folder that stands for `/`."""

    def __init__(self, root):
        self.root = root
        self.workdir = "/"
        without_index = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(root), **without_index, **MEASURED
        }  # fmt: skip
        self.user = self.volume = ""
        self.entry, self.command = list[str](), list[str]()
        self.stages = 0

    def within(self, path):
        return self.root / str(Path(self.workdir, path)).lstrip("/")

    def obey(self, text):
        for word, rest in steps(text):
            getattr(self, f"_{word.lower()}")(rest)

    def _arg(self, rest):
        pass

    def _from(self, rest):
        self.stages += 1
        assert "python" in rest
        assert "slim" in text_of_argument(rest)
        shutil.rmtree(
            self.root / "source", ignore_errors=True
        )  # the second stage has none of the first
        self.workdir = "/"

    def _workdir(self, rest):
        self.workdir = rest
        self.within(".").mkdir(parents=True, exist_ok=True)

    def _copy(self, rest):
        *sources, target = rest.split()
        if sources[0].startswith("--from="):
            assert sources[1] == target  # both stages are in one folder here
            assert self.within(target).is_dir()
            return
        for source in sources:
            into = self.within(target)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, symlinks=True,
                                ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
            else:
                into = into / Path(source).name if target.endswith("/") else into
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / source, into)

    def _run(self, rest):
        for part in rest.split(" && "):
            self._step(part)

    def _step(self, line):
        words = [self._placed(word) for word in shlex.split(line)]
        if words[0] == "useradd":
            words[1:1] = ["--prefix", str(self.root)]
        if words[0] in ("useradd", "chown") and os.getuid() != 0:
            return
        if words[0] == "useradd":  # an image's PATH has it, a user's may not
            words[0] = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin") or words[0]
        done = self.ran(*words)
        if "--require-hashes" in words:
            assert "No matching distribution found" in done.stderr, done.stderr  # it took the rest
            self._link(self.within(words[-1]))
            return
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def _link(self, locked):
        """Put what a file locks there, and nothing else: `make` has installed it here by the same hashes."""
        site = next((self.root / "bot" / "lib").glob("python*/site-packages"))
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", locked.read_text(), re.MULTILINE):
            found = distribution(name)
            assert found.version == version, name
            if name == "pip":  # it has its own, which a later step takes away
                continue
            for top in {each.parts[0] for each in found.files or ()} - {"..", "__pycache__"}:
                if (site / top).is_dir():  # an older setuptools, which Python 3.11 puts there
                    shutil.rmtree(site / top)
                (site / top).unlink(missing_ok=True)
                (site / top).symlink_to(Path(str(found.locate_file(top))))

    def _placed(self, word):
        return str(self.root / word.lstrip("/")) if word.startswith("/") else word

    def _user(self, rest):
        self.user = rest

    def _volume(self, rest):
        assert not self.volume
        self.volume = rest

    def _env(self, rest):
        for each in rest.split():
            name, _, value = each.partition("=")
            self.environment[name] = value.replace("$PATH", self.environment["PATH"]).replace(
                "/bot/bin", str(self.root / "bot" / "bin")
            )

    def _stopsignal(self, rest):
        assert rest == "SIGTERM"

    def _entrypoint(self, rest):
        self.entry = yaml.safe_load(rest)

    def _cmd(self, rest):
        self.command = yaml.safe_load(rest)

    def ran(self, *words):
        return subprocess.run(  # noqa: S603 - the project's own file
            words, cwd=self.within("."), env=self.environment, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip


def text_of_argument(text):
    default = re.search(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert default
    return text.replace(f"${{{default[1]}}}", default[2])


def steps(text):
    for line in text.splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def test_the_container_is_made_step_by_step_and_plays_its_story(tmp_path):
    for name in ("etc", "data-of-the-host"):
        (tmp_path / name).mkdir()
    for name in ("passwd", "group", "shadow", "gshadow"):
        (tmp_path / "etc" / name).touch()
    container = Container(tmp_path)

    container.obey(DOCKERFILE)

    assert container.stages == 2
    assert container.user == "10001:10001"
    assert container.volume == container.workdir == "/data"
    assert (container.entry, container.command) == (["billing-bot"], ["run"])
    assert not (tmp_path / "source").exists()
    assert not (tmp_path / "bot" / "bin" / "pip").exists()
    before = files(tmp_path / "bot")
    played = container.ran(*container.entry, "sandbox", "--play")
    assert "The story ended as it should." in played.stdout, played.stdout + played.stderr
    assert files(tmp_path / "bot") == before  # a root that is only read is enough
    started = container.ran(*container.entry, *container.command)
    assert started.returncode == MEND_FIRST
    assert "SLACK_BOT_TOKEN" in started.stderr


def locked(name):
    return set((ROOT / "requirements" / name).read_text().replace("\\\n", "").splitlines())


def test_the_container_can_use_a_postgresql_server_and_has_the_same_versions_otherwise():
    """There is no pip in it with which somebody could add what is missing."""
    (name,) = re.findall(r"--requirement requirements/(\S+)", DOCKERFILE)
    more = {line.partition("==")[0] for line in locked(name) - locked("run.txt")}

    assert more == {"psycopg", "psycopg-binary"}
    assert locked("run.txt") <= locked(name)


def files(folder):
    return sorted(str(path) for path in folder.rglob("*"))


# The Procfiles


@pytest.mark.parametrize(("name", "command"), [("Procfile", "run"), ("deploy/Procfile.web", "web")])
def test_each_procfile_starts_one_process(name, command):
    """`honcho start` starts all that are named, and ends all when one ends."""
    (line,) = (ROOT / name).read_text().splitlines()

    assert line.partition(": ")[2] == f"billing-bot {command}"
