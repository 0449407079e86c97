//! The S3 operations on the store, in the words of the `s3s` crate.

use super::listing;
use super::store::{Object, Upload, Version};
use super::{Inner, answers};
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue};
use futures_util::TryStreamExt;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, BucketVersioningStatus, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, CreateBucketInput,
    CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput,
    ETag, ETagCondition, GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsV2Input, ListObjectsV2Output, PutBucketVersioningInput,
    PutBucketVersioningOutput, PutObjectInput, PutObjectOutput, StreamingBlob, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;
use uuid::Uuid;

/// The handler that `s3s` calls.
pub struct Operations(pub Arc<Inner>);

#[async_trait::async_trait]
impl S3 for Operations {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let (version, object) = self.read(&input.bucket, &input.key, input.version_id.as_deref())?;
        answers::allows_read(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let range = input.range.filter(|_| !self.0.ignores_ranges());
        let (bytes, content_range) = answers::ranged(&object.bytes, range)?;
        let mut output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(bytes.len()).ok(),
            content_encoding: object.content_encoding.clone(),
            content_type: object.content_type.clone(),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(version.modified.into()),
            metadata: Some(object.metadata.clone().into_iter().collect()),
            version_id: version.id.clone(),
            body: Some(StreamingBlob::from(s3s::Body::from(bytes))),
            ..GetObjectOutput::default()
        };
        let partial = content_range.is_some();
        output.content_range = content_range;
        let mut response = S3Response::new(output);
        if partial {
            response.status = Some(axum::http::StatusCode::PARTIAL_CONTENT);
        }
        Ok(response)
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let (version, object) = self.read(&input.bucket, &input.key, input.version_id.as_deref())?;
        answers::allows_read(&object, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let (bytes, content_range) = answers::ranged(&object.bytes, input.range)?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: i64::try_from(bytes.len()).ok(),
            content_range,
            content_encoding: object.content_encoding.clone(),
            content_type: object.content_type.clone(),
            e_tag: Some(ETag::Strong(object.etag.clone())),
            last_modified: Some(version.modified.into()),
            metadata: Some(object.metadata.clone().into_iter().collect()),
            version_id: version.id,
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        let object = Object {
            metadata: input.metadata.unwrap_or_default().into_iter().collect(),
            content_type: input.content_type,
            content_encoding: input.content_encoding,
            ..Object::new(collected(input.body).await?)
        };
        let put = self.put(
            &input.bucket,
            &input.key,
            object,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(put.etag)),
            version_id: put.version_id,
            ..PutObjectOutput::default()
        }))
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        self.0.allow(&input.bucket, &input.key)?;
        let now = self.0.now();
        let mut store = self.0.store();
        let bucket = answers::bucket(&mut store, &input.bucket)?;
        if let Some(condition) = &input.if_match {
            let current = bucket.current(&input.key).map(|(_, object)| object);
            answers::allows_write(current, Some(condition), None)?;
        }
        let (delete_marker, version_id) = if let Some(id) = input.version_id {
            (bucket.delete_version(&input.key, &id), Some(id))
        } else {
            let marker = bucket.delete(&input.key, now);
            (marker.is_some(), marker)
        };
        Ok(S3Response::new(DeleteObjectOutput {
            delete_marker: delete_marker.then_some(true),
            version_id,
            ..DeleteObjectOutput::default()
        }))
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = &input.copy_source
        else {
            return Err(s3_error!(NotImplemented));
        };
        let (source, mut object) = self.read(bucket, key, version_id.as_deref())?;
        answers::allows_read(
            &object,
            input.copy_source_if_match.as_ref(),
            input.copy_source_if_none_match.as_ref(),
        )?;
        if input
            .metadata_directive
            .is_some_and(|directive| directive.as_str() == "REPLACE")
        {
            object.metadata = input.metadata.unwrap_or_default().into_iter().collect();
        }
        let put = self.put(&input.bucket, &input.key, object, None, None)?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(ETag::Strong(put.etag)),
                last_modified: Some(self.0.now().into()),
                ..CopyObjectResult::default()
            }),
            copy_source_version_id: source.id,
            version_id: put.version_id,
            ..CopyObjectOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.0
            .allow_list(&input.bucket, input.prefix.as_deref().unwrap_or_default())?;
        let mut store = self.0.store();
        let bucket = answers::bucket(&mut store, &input.bucket)?;
        Ok(S3Response::new(listing::objects(bucket, input)))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = request.input;
        self.0
            .allow_list(&input.bucket, input.prefix.as_deref().unwrap_or_default())?;
        let mut store = self.0.store();
        let bucket = answers::bucket(&mut store, &input.bucket)?;
        Ok(S3Response::new(listing::versions(bucket, input)))
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let name = request.input.bucket;
        let mut store = self.0.store();
        if store.buckets.contains_key(&name) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        store.buckets.insert(name.clone(), super::store::Bucket::default());
        Ok(S3Response::new(CreateBucketOutput {
            location: Some(format!("/{name}")),
        }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.allow_list(&request.input.bucket, "")?;
        answers::bucket(&mut self.0.store(), &request.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_bucket_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let status = request.input.versioning_configuration.status;
        let mut store = self.0.store();
        let bucket = answers::bucket(&mut store, &request.input.bucket)?;
        bucket.versioned = status.is_some_and(|status| status.as_str() == BucketVersioningStatus::ENABLED);
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let mut store = self.0.store();
        let versioned = answers::bucket(&mut store, &request.input.bucket)?.versioned;
        Ok(S3Response::new(GetBucketVersioningOutput {
            status: versioned.then(|| BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
            ..GetBucketVersioningOutput::default()
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        self.0.allow(&input.bucket, &input.key)?;
        let mut store = self.0.store();
        answers::bucket(&mut store, &input.bucket)?;
        let id = Uuid::new_v4().simple().to_string();
        let upload = Upload {
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            template: Object {
                metadata: input.metadata.unwrap_or_default().into_iter().collect(),
                content_type: input.content_type,
                content_encoding: input.content_encoding,
                ..Object::new(Bytes::new())
            },
            parts: std::collections::BTreeMap::new(),
        };
        store.uploads.insert(id.clone(), upload);
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let input = request.input;
        let bytes = collected(input.body).await?;
        let etag = Object::new(bytes.clone()).etag;
        let mut store = self.0.store();
        let Some(upload) = store.uploads.get_mut(&input.upload_id) else {
            return Err(s3_error!(NoSuchUpload));
        };
        upload.parts.insert(input.part_number, bytes);
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(etag)),
            ..UploadPartOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let wanted = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let numbers: Vec<i32> = wanted.iter().filter_map(|part| part.part_number).collect();
        let object = {
            let store = self.0.store();
            let upload = store.uploads.get(&input.upload_id).ok_or(s3_error!(NoSuchUpload))?;
            if upload.bucket != input.bucket || upload.key != input.key {
                return Err(s3_error!(NoSuchUpload));
            }
            answers::assembled(upload, &numbers)?
        };
        let put = self.put(
            &input.bucket,
            &input.key,
            object,
            input.if_match.as_ref(),
            input.if_none_match.as_ref(),
        )?;
        self.0.store().uploads.remove(&input.upload_id);
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(put.etag)),
            version_id: put.version_id,
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        match self.0.store().uploads.remove(&request.input.upload_id) {
            Some(_) => Ok(S3Response::new(AbortMultipartUploadOutput::default())),
            None => Err(s3_error!(NoSuchUpload)),
        }
    }
}

impl Operations {
    fn read(&self, name: &str, key: &str, version: Option<&str>) -> S3Result<(Version, Object)> {
        self.0.allow(name, key)?;
        let missing = if self.0.may_list(name) {
            S3ErrorCode::NoSuchKey
        } else {
            S3ErrorCode::AccessDenied
        };
        let mut store = self.0.store();
        let bucket = answers::bucket(&mut store, name)?;
        let Some(id) = version else {
            let (version, object) = bucket.current(key).ok_or_else(|| {
                if bucket.is_deleted(key) && self.0.may_list(name) {
                    delete_marker(missing)
                } else {
                    S3Error::new(missing)
                }
            })?;
            return Ok((version.clone(), object.clone()));
        };
        let version = bucket.version(key, id).ok_or(s3_error!(NoSuchVersion))?;
        let object = version.object.clone();
        let object = object.ok_or_else(|| delete_marker(S3ErrorCode::MethodNotAllowed))?;
        Ok((version.clone(), object))
    }

    fn put(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        if_match: Option<&ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<super::PutResult> {
        self.0.allow(bucket, key)?;
        let now = self.0.now();
        let mut store = self.0.store();
        let bucket = answers::bucket(&mut store, bucket)?;
        let current = bucket.current(key).map(|(_, object)| object);
        answers::allows_write(current, if_match, if_none_match)?;
        Ok(bucket.put(key, object, now))
    }
}

fn delete_marker(code: S3ErrorCode) -> S3Error {
    let mut error = S3Error::new(code);
    let marker = (
        HeaderName::from_static("x-amz-delete-marker"),
        HeaderValue::from_static("true"),
    );
    error.set_headers([marker].into_iter().collect());
    error
}

async fn collected(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(body) = body else { return Ok(Bytes::new()) };
    let chunks: Vec<Bytes> = body
        .try_collect()
        .await
        .map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
    Ok(match <[Bytes; 1]>::try_from(chunks) {
        Ok([only]) => only,
        Err(chunks) => chunks.concat().into(),
    })
}
