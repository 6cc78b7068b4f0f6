"""Requests to AWS signed by Signature Version 4: the DICOMweb interface of HealthImaging is a DICOMweb source so."""

import re
from typing import Any, Final

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from requests.auth import AuthBase

from pyconquest_rt.sources.source import SourceError

_SERVICE: Final = "medical-imaging"
_REGION: Final = re.compile(r"//[^/]*\bmedical-imaging(?:-fips)?\.([a-z0-9-]+)\.")


class SignatureV4(AuthBase):
    """Signs each request with the credentials that AWS's own programs would find, or those of a profile.

    The region is that of the address, else that of the configuration.

    Raises:
        SourceError: there is no such profile, or there are no credentials.
    """

    def __init__(self, profile: str = "") -> None:
        try:
            self._session = boto3.Session(profile_name=profile or None)
        except BotoCoreError as error:
            raise SourceError(f"cannot sign in by sigv4: {error}") from error
        self._credentials = self._session.get_credentials()
        if self._credentials is None:
            raise SourceError("cannot sign in by sigv4: no AWS credentials were found")

    def __call__(self, request: Any) -> Any:
        """Sign a request; the credentials are taken anew, since they may be renewed meanwhile."""
        found = _REGION.search(request.url)
        region = found[1] if found else self._session.region_name or "us-east-1"
        signed = AWSRequest(request.method, request.url, data=request.body or b"")
        SigV4Auth(self._credentials.get_frozen_credentials(), _SERVICE, region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request
