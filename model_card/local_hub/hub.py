"""A hub that is a folder: others load a model from it by name, without network.

The folder has the layout of the Hugging Face cache, so the reader needs nothing of this project:

    HF_HUB_CACHE=/srv/hub HF_HUB_OFFLINE=1 python -c '
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer("org/nic-embeddings-v1.0", revision="v1.0")'

Readers must set HF_HUB_OFFLINE=1. Without it the libraries ask the endpoint first, with one of
three results: a repository of the same name there is silently loaded instead of this one; an
endpoint that answers 401 or 404 makes the load fail although the files are here; without network
each optional file is requested again and again, which takes minutes. A folder ./org/name in the
current directory takes precedence over every hub, and so must not exist.

Readers take no lock and may read while a version is published: they see all of it or none of it.
A tag never moves; main is the newest version, or what `promote` and `rollback` made it. Publishers
wait for each other. The folder and its files are readable by everybody and writable by their owner.
It must not be a cache of ordinary downloads: `hf cache rm` and `prune` would delete the only copy.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model_card.hubs import Published, load_call
from model_card.local_hub.archive import export_version, import_archive
from model_card.local_hub.damage import refuse_damage
from model_card.local_hub.history import promote, rollback
from model_card.local_hub.layout import all_repos, find_repo, resolve
from model_card.local_hub.listing import list_versions
from model_card.local_hub.publishing import check_target, publish_folder
from model_card.local_hub.repair import Repair, repair_hub
from model_card.names import MAIN
from model_card.versions import Version


class LocalHub:
    """A hub that is a folder.

    Attributes:
        folder: The folder; created by the first publish.
        copy: Whether plain files are written instead of symbolic links, for disks and shares
            without links; done automatically where the system refuses links.
        endpoint: None; readers set HF_HUB_CACHE to the folder.
    """

    endpoint: str | None = None

    def __init__(self, folder: str | Path, copy: bool = False) -> None:
        self.folder = Path(folder)
        self.copy = copy

    def check_target(self, repo_id: str, tag: str, *, may_exist: bool = False) -> None:
        """Refuses, without writing, what `publish` would refuse whatever the model is.

        Args:
            repo_id: Name of the repository, "organisation/name".
            tag: Name of the version, such as "v1.0".
            may_exist: Whether the version may be there already, with what will be published.

        Raises:
            UserError: A name is not allowed, the hub is a file, or it has the version.
            IntegrityError: The state of the repository is damaged.
        """
        check_target(self.folder, repo_id, tag, may_exist)

    def publish(self, folder: Path, repo_id: str, tag: str) -> Published:
        """Publishes a packaged model as a version that never changes, and as the new main.

        If the process is killed at any moment, readers see what was there before or all of the
        new version; run it again to finish.

        Args:
            folder: The packaged model; every file in it is published.
            repo_id: Name of the repository, "organisation/name".
            tag: Name of the version, such as "v1.0".

        Raises:
            UserError: A name is not allowed, there is nothing to publish, or the tag names other
                content.
            DiskFullError: The disk is full; the hub is unchanged.
            IntegrityError: A file changed while it was published; the hub is unchanged.
        """
        return publish_folder(folder, self.folder, repo_id, tag, self.copy)

    def fetch(self, repo_id: str, revision: str = MAIN, folder: Path | None = None) -> Path:
        """Returns the hub's own folder with the files of a version; read it, do not change it.

        Args:
            repo_id: Name of the repository, "organisation/name".
            revision: A tag, main or a commit.
            folder: Not used: the files are on this machine already.

        Raises:
            UserError: There is no such repository or revision; the message lists those that exist.
            IntegrityError: The revision is named and its files are gone.
        """
        repo = find_repo(self.folder, repo_id)
        return repo.snapshot(resolve(repo, revision))

    def versions(self, repo_id: str | None = None) -> list[Version]:
        """Returns the tagged versions, by repository and in the order of publishing.

        Args:
            repo_id: Name of the repository; None lists all of them.

        Raises:
            UserError: There is no such hub or repository.
        """
        return list_versions(self.folder, repo_id)

    def how_to_load(self, repo_id: str, tag: str) -> list[str]:
        """Returns the lines that tell a user how to load a version without network."""
        settings = f"HF_HUB_CACHE={self.folder.resolve()} and HF_HUB_OFFLINE=1"
        return [
            f"Load it without network, with {settings} in the environment:",
            f"    {load_call(repo_id, tag)}",
        ]

    def promote(self, repo_id: str, tag: str) -> None:
        """Lets main name a version that was published before.

        Raises:
            UserError: There is no such repository or version; the message lists those that exist.
        """
        promote(find_repo(self.folder, repo_id), tag)

    def rollback(self, repo_id: str) -> str:
        """Lets main name what it named before the last publish or promote.

        Returns:
            The tag that main names now.

        Raises:
            UserError: Main named nothing before, or that version no longer exists.
        """
        return rollback(find_repo(self.folder, repo_id))

    def repair(self) -> Repair:
        """Mends damaged references, histories and plans; what it moves aside stays on the disk.

        Returns:
            What was done, and which versions have to be published again.

        Raises:
            UserError: There is no such hub, or it cannot be written to.
            DiskFullError: The disk is full.
        """
        return repair_hub(self.folder)

    def refuse_damage(self) -> None:
        """Refuses a hub whose references, histories or plans are damaged.

        Raises:
            IntegrityError: It names the first damaged file and how to mend it.
        """
        refuse_damage(*all_repos(self.folder))

    def export_version(self, repo_id: str, tag: str, archive: Path) -> None:
        """Writes a version into one file, which another local hub imports.

        The same version gives the same bytes.

        Args:
            repo_id: Name of the repository, "organisation/name".
            tag: Name of the version.
            archive: The zip file; replaced if it exists.

        Raises:
            UserError: There is no such repository, version or folder.
            IntegrityError: The files in the hub are not those that were published.
            DiskFullError: There is no room for the archive; none is left.
        """
        export_version(find_repo(self.folder, repo_id), tag, archive)

    def import_archive(
        self, archive: Path, check: Callable[[Path], object] | None = None
    ) -> Published:
        """Publishes the version in an archive under the name and tag that it was exported from.

        Args:
            archive: The zip file that `export_version` wrote.
            check: Refuses, by an error, the unpacked files before anything of them can be seen;
                None takes `check_package`, which loads the model and encodes its samples.

        Raises:
            IntegrityError: The archive is not as it was exported, or holds no packaged model.
            UserError: There is no such archive, or the tag names other content in this hub.
            DiskFullError: The disk is full; the hub is unchanged.
        """
        # Imported late: it imports PyTorch, which the other commands need not wait for.
        from model_card.package.integrity import check_package

        return import_archive(archive, self.folder, self.copy, check or check_package)
